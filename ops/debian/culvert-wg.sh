#!/bin/sh
# One word for wg-quick: WG_QUICK_USERSPACE_IMPLEMENTATION=culvert-wg
exec /usr/bin/culvert wg "$@"
