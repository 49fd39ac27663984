# Sourced by the scripts of benchmarks, in the checkout, after bin/setup.sh and need_jdk.
# shellcheck shell=bash

jar=bench/target/culvert-bench.jar

# Builds the benchmarks, unless that was done since the last change.
build_benchmarks() {
  if [ ! -e "$jar" ] || [ -n "$(find . -path '*/target' -prune -o -path ./.git -prune -o \
    \( -path '*/src/main/*' -o -name pom.xml \) -type f -newer "$jar" -print -quit)" ]; then
    say "building the benchmarks"
    mvn -B -ntp -q package -Dmaven.test.skip -Dspotless.check.skip -pl bench -am
  fi
}
