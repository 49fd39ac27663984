#!/bin/bash
# Makes the AOT cache of gateways. Run by postinst.
set -euo pipefail

dist=/usr/lib/culvert
export JAVA_HOME=$dist/runtime
archives='' trained=$dist/gateway.aot
rm -f "$trained"

die() { echo "culvert: $*" >&2; exit 1; }
# shellcheck source=bin/launch.sh
. "$dist/launch.sh"

train "$trained"
