# Sourced by the launchers and by run-tests. Sets JAVA_HOME to a JDK of at least version 25.
# shellcheck shell=bash

culvert_jdk_version=25

# Prints the feature version of the JDK at $1, or nothing where there is none with a compiler.
jdk_feature_version() {
  [ -x "$1/bin/javac" ] || return 0
  if [ -r "$1/release" ]; then
    sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
  else
    "$1/bin/javac" -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p'
  fi
}

# Tries what the user chose first (JAVA_HOME, then PATH), then where packages put a JDK.
find_jdk() {
  local candidate version on_path
  on_path=$(command -v javac || true)
  [ -z "$on_path" ] || on_path=$(dirname "$(dirname "$(readlink -f "$on_path")")")
  for candidate in "${JAVA_HOME:-}" "$on_path" /usr/lib/jvm/* /opt/java/* /opt/jdk* \
    "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/*; do
    [ -n "$candidate" ] && [ -d "$candidate" ] || continue
    version=$(jdk_feature_version "$candidate")
    if [ "${version:-0}" -ge "$culvert_jdk_version" ]; then
      JAVA_HOME=$candidate
      export JAVA_HOME
      return 0
    fi
  done
  echo "culvert: no JDK $culvert_jdk_version or later found (looked at JAVA_HOME, PATH, /usr/lib/jvm, /opt)." >&2
  echo "culvert: install one, as from https://adoptium.net, and set JAVA_HOME to it." >&2
  return 1
}
