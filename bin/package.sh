# Sourced by the scripts that make packages and images, after bin/setup.sh. They set `home`.
# shellcheck shell=bash

# The text of an element at the top of the root pom, as in <version>.
of_pom() { sed -n "s,^ *<$1>\([^<]*\)</$1>.*,\1,p" "$home/pom.xml" | head -n 1; }

# Documents, and the files that they link to.
documents=(
  README.md SECURITY.md CONTRIBUTING.md docs bench/README.md bench/charts bench/null-forwarder.c
  cli/src/main/sbom cluster/src/main/dist daemon/src/main/dist
  ops/grafana ops/helm ops/prometheus ops/systemd
)

# The time that all files bear, so that two builds give the same bytes.
stamp=$(of_pom project.build.outputTimestamp)
SOURCE_DATE_EPOCH=$(date -d "$stamp" +%s)
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC

# Debian's name of an architecture ($1), in the words of the native libraries.
machine_of() {
  case "$1" in
    amd64) echo x86_64 ;;
    arm64) echo aarch64 ;;
    *) die "nothing for $1: the libraries have native parts for amd64 and arm64 only" ;;
  esac
}

# Builds the program if it is missing or outdated, and sets `dist` to its folder.
build_program() {
  "$home/culvert" --version >/dev/null
  dist=$home/cli/target/dist
}

# Modules that classes of the build name, and those that are found at run time only: signals
# (jdk.unsupported), the vector ciphers, elliptic curves of TLS, and files of names (java.naming).
# java.desktop is named by Jackson, for annotations of Java beans, and not used if it is not there.
modules() {
  {
    "$JAVA_HOME/bin/jdeps" --multi-release "$culvert_jdk_version" --ignore-missing-deps \
      --print-module-deps --class-path "$dist/*" "$dist/culvert.jar" | tr , '\n' |
      grep -vx java.desktop
    printf '%s\n' java.naming jdk.unsupported jdk.incubator.vector
  } | sort -u | paste -sd,
}

# Links the modules to a Java runtime in the folder $1, with more options of jlink.
make_runtime() {
  local runtime=$1 lenient=()
  shift
  # A JDK without jmods is linked from its own files, and refuses if one was replaced, as packages
  # of JDKs do with the certificates.
  [ -d "$JAVA_HOME/jmods" ] || lenient=(--ignore-modified-runtime)
  "$JAVA_HOME/bin/jlink" --add-modules "$(modules)" --output "$runtime" "${lenient[@]}" \
    --strip-java-debug-attributes --no-header-files --no-man-pages "$@" >&2
  # Not the certificates that this machine trusts, but those of the machine that runs it, if it has
  # ca-certificates-java. Only API servers with public certificates need them.
  ln -sf "/etc/ssl/certs/java/cacerts" "$runtime/lib/security/cacerts"
  # Nothing is started by these.
  find "$runtime/bin" -type f ! -name java -delete
}

# Copies all jars to the folder $1, with their native parts for a machine ($2).
copy_libraries() {
  mkdir -p "$1/native/jni" "$1/native/META-INF/native"
  cp "$dist"/*.jar "$1"
  cp -r "$dist/native/jni/$2-Linux" "$1/native/jni"
  cp "$dist/native/META-INF/native"/*"_${2/aarch64/aarch_64}.so" "$1/native/META-INF/native"
}
