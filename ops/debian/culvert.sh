#!/bin/bash
# Runs the culvert command on the Java runtime of this package.
set -euo pipefail

dist=/usr/lib/culvert
export JAVA_HOME=$dist/runtime
# The unit's own folder; else root's, which no other user can write to: the archives hold code.
trained=$dist/gateway.aot # by postinst
archives=${CACHE_DIRECTORY:-}
if [ -z "$archives" ] && [ "$EUID" = 0 ]; then archives=/var/cache/culvert-root; fi
[ -O "$archives" ] || archives=

die() { echo "culvert: $*" >&2; exit 1; }
# shellcheck source=bin/launch.sh
. "$dist/launch.sh"

need_room
launch "$@"
