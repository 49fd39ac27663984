# Sourced by every script here: finds a JDK, installs Debian packages.
# shellcheck shell=bash

say() { echo "culvert: $*" >&2; }
die() { say "$*"; exit 1; }

# Installs Debian packages, saying so. Needs root; without it names the packages to install.
install_packages() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || die "please install: $*"
  say "installing $*"
  local policy=/usr/sbin/policy-rc.d status=0
  # strongSwan's package would start a daemon, and its programs are all that is wanted.
  if [ -e "$policy" ]; then
    policy=
  else
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  # tshark's package would ask who may capture
  {
    DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2 &&
      DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null
  } || status=$?
  [ -z "$policy" ] || rm -f "$policy"
  return "$status"
}

# Installs the packages of the tools, or files, that are missing: need_tools TOOL:PACKAGE...
need_tools() {
  local tool missing=()
  for tool; do
    case "$tool" in
      /*) [ -e "${tool%%:*}" ] || missing+=("${tool##*:}") ;;
      *) command -v "${tool%%:*}" >/dev/null || missing+=("${tool##*:}") ;;
    esac
  done
  [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
}

culvert_jdk_version=25

# Prints the feature version of the JDK at $1, or nothing if there is none with a compiler.
jdk_feature_version() {
  [ -x "$1/bin/javac" ] || return 0
  if [ -r "$1/release" ]; then
    sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
  else
    "$1/bin/javac" -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p'
  fi
}

# Sets JAVA_HOME to a JDK that is new enough, or fails. Tries the user's choice first (JAVA_HOME, then PATH), then the folders of packages.
find_jdk() {
  local candidate version on_path
  on_path=$(command -v javac || true)
  [ -z "$on_path" ] || on_path=$(dirname "$(dirname "$(readlink -f "$on_path")")")
  for candidate in "${JAVA_HOME:-}" "$on_path" /usr/lib/jvm/* /opt/java/* /opt/jdk* \
    ${HOME:+"$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/*}; do
    [ -n "$candidate" ] && [ -d "$candidate" ] || continue
    version=$(jdk_feature_version "$candidate")
    if [ "${version:-0}" -ge "$culvert_jdk_version" ]; then
      JAVA_HOME=$candidate
      export JAVA_HOME
      return 0
    fi
  done
  return 1
}

# The same, but installs one from Debian's packages if none is found, or ends with advice.
need_jdk() {
  find_jdk && return
  local package=openjdk-$culvert_jdk_version-jdk-headless
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get -qq update >&2 || true
    if apt-cache show "$package" >/dev/null 2>&1; then
      install_packages "$package" && find_jdk && return
    fi
  fi
  say "no JDK $culvert_jdk_version or later found (looked at JAVA_HOME, PATH, /usr/lib/jvm, /opt," \
    "Debian's packages)."
  die "install one, as from https://adoptium.net, and set JAVA_HOME to it."
}
