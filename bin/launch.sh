# Sourced by the launchers of a checkout and of the Debian package, which set
#   JAVA_HOME  the Java runtime
#   dist       the folder of culvert.jar, its libraries and their native parts
#   archives   the folder of the archives of parsed classes; empty: none is kept
#   trained    the AOT cache of gateways, see train
# and define `die`.
# shellcheck shell=bash

# Files of options, beside this one.
jvm_options=$(dirname "${BASH_SOURCE[0]}")/jvm

# A JVM that finds too little room says so in many lines, or none.
need_room() {
  local files memory
  files=$(ulimit -Hn) memory=$(ulimit -v)
  [ "$files" = unlimited ] || [ "$files" -ge 128 ] ||
    die "$files files may be open here and 128 are needed: raise the limit (ulimit -n, LimitNOFILE= in a unit)"
  [ "$memory" = unlimited ] || [ "$memory" -ge 2500000 ] ||
    die "$memory kB of addresses may be used here and 2500000 are needed: raise the limit (ulimit -v, LimitAS= in a unit)"
}

# Sets the array `java` to the command line, tuned for a command that runs on, or not ($1 = command).
# Each kind has an archive of its own: it holds the classes that the first run of its kind has used.
tune() {
  local kind=daemon
  [ "$1" != command ] || kind="command"
  java=("$JAVA_HOME/bin/java" "@$jvm_options/every" "@$jvm_options/$kind")
  [ "$kind" = command ] || java+=("@$jvm_options/ciphers")
  # Native libraries as the build unpacked them: /tmp may be read-only, or mounted noexec.
  java+=(-Djffi.boot.library.path="$dist/native/jni/$HOSTTYPE-Linux")
  java+=(-Djava.library.path="$dist/native/META-INF/native")
  if [ "$1" = daemon ] && [ -r "$trained" ] && [ "$trained" -nt "$dist/culvert.jar" ]; then
    # Java goes on without it if it was made by another JVM or of other jars.
    java+=(-XX:AOTCache="$trained")
  # Classes of an earlier run, already parsed. Java makes the archive at the end of a first run.
  elif [ -n "$archives" ] && { [ -w "$archives" ] || [ -r "$archives/$1.jsa" ]; }; then
    java+=(-XX:SharedArchiveFile="$archives/$1.jsa")
    [ ! -w "$archives" ] || java+=(-XX:+AutoCreateSharedArchive)
  fi
  # shellcheck disable=SC2206 # options are words
  java+=(${CULVERT_JAVA_OPTS:-} -jar "$dist/culvert.jar")
}

# Prints the configuration of the gateway that trains. It has a peer, which it never reaches.
training_gateway() {
  cat <<YAML
apiVersion: culvert.dev/v1alpha1
kind: Gateway
spec:
  interface: {name: training, addresses: [10.0.0.1/32], mtu: 1420}
  identity: {privateKeyFile: key}
  node: a
  clusterCIDRs: [10.0.0.0/24]
  nodes:
    - {name: a, internal: [127.0.0.1], podCIDRs: [10.0.0.1/32], publicKey: $1}
    - {name: b, internal: [127.0.0.2], podCIDRs: [10.0.0.2/32], publicKey: CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=}
YAML
}

# Makes the AOT cache of gateways: the classes that a gateway uses, linked, and the counts by which the
# JVM compiles its methods. Java records them while a gateway moves packets of its own, in namespaces
# of its own. Fails, and makes none, if the caller may not do that. Takes half a minute.
train() {
  local work as_root=() status=0
  [ "$(id -u)" = 0 ] || as_root=(--map-root-user)
  rm -f "$1" # Java would load neither an outdated one nor the archive of classes.
  work=$(mktemp -d) || return
  (
    umask 077
    archives='' trained='' recorded="-XX:AOTConfiguration=$work/recorded"
    CULVERT_JAVA_OPTS='' && tune command && "${java[@]}" key gen >"$work/key" &&
      training_gateway "$("${java[@]}" key pub <"$work/key")" >"$work/gateway.yaml" &&
      CULVERT_JAVA_OPTS="-XX:AOTMode=record $recorded -Dculvert.training=true -Dculvert.cipher.switch=false -Dculvert.start.rehearsal=0" &&
      tune daemon &&
      unshare --net --mount "${as_root[@]}" bash -c '
        mount -n -t tmpfs tmpfs /run && mount -n -t tmpfs tmpfs /var/lib && ip link set lo up &&
          exec timeout -k 10 90 "$@"' train "${java[@]}" up "$work/gateway.yaml" &&
      CULVERT_JAVA_OPTS="-XX:AOTMode=create $recorded -XX:AOTCache=$work/cache" && tune daemon &&
      timeout -k 10 120 "${java[@]}" && chmod 644 "$work/cache" && mv "$work/cache" "$1"
  ) >"$work/log" 2>&1 || status=$?
  [ -z "${CULVERT_DEBUG:-}" ] || cat "$work/log" >&2
  rm -rf "$work"
  return "$status"
}

# Starts the command in a session of its own and returns when it says that all is up; else prints
# its output and returns its exit status. A signal until then ends the command.
detach() {
  local line ended=
  trap 'ended=129 && end_detached TERM' HUP
  trap 'ended=130 && end_detached INT' INT
  trap 'ended=143 && end_detached TERM' TERM
  case "${LOG_LEVEL:-}" in
    '' | silent) exec 7< <(CULVERT_DETACHED=1 exec setsid "${java[@]}" "$@" </dev/null 2>&1) ;;
    *) exec 7< <(CULVERT_DETACHED=1 exec setsid "${java[@]}" "$@" </dev/null) ;; # it logs on
  esac
  while IFS= read -r line <&7; do
    case $line in
      'culvert: ready') [ -n "$ended" ] || { trap - HUP INT TERM && return; } ;;
      *) echo "$line" >&2 ;;
    esac
  done
  [ -z "$ended" ] || [ "${1:-}" != up ] ||
    echo "culvert: ended by a signal; if the guard was loaded, it stands until 'culvert down'" >&2
  wait "$!" && return "${ended:-0}"
}

end_detached() { kill "-$1" "${!:-}" 2>/dev/null || true; }

has() {
  local wanted=" $1 " argument
  shift
  for argument; do case "$wanted" in *" $argument "*) return 0 ;; esac; done
  return 1
}

# Runs the command in place of this shell, in the way that suits it. A gateway starts its successor by
# the launcher that started it, which may be of another version by then.
launch() {
  export CULVERT_LAUNCHER
  CULVERT_LAUNCHER=$(readlink -f "$0")
  if has '-h --help -V --version' "$@"; then
    tune command
    exec "${java[@]}" "$@"
  fi
  case "${1:-}" in
    wg)
      tune daemon
      has '-f --foreground' "$@" || { detach "$@"; exit; }
      ;;
    up)
      tune daemon
      ! has '-d --detach' "$@" || { detach "$@"; exit; }
      ;;
    lab | doctor) tune "$1" ;; # doctor measures the ciphers
    bundle) tune doctor ;;
    *) tune command ;;
  esac
  exec "${java[@]}" "$@"
}
