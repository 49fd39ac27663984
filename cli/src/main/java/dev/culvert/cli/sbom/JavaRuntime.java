// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.sbom;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The Java runtime that a package or image brings. */
final class JavaRuntime {
  private static final Pattern LINE = Pattern.compile("(?m)^(\\w+)=\"(.*)\"$");

  private JavaRuntime() {}

  /**
   * Reads the files {@code release} of the JDK, which names builder and build, and of the runtime
   * that was linked from it, which names its modules.
   */
  static ObjectNode component(Path jdk, Path runtime) throws IOException {
    Map<String, String> built = release(jdk);
    Map<String, String> linked = release(runtime);
    String version = value(linked, "JAVA_VERSION", runtime);
    if (!version.equals(value(built, "JAVA_VERSION", jdk))) {
      throw new IOException(
          runtime + " is Java " + version + ", and was not linked from the JDK in " + jdk);
    }
    // JDKs under other licences have the same names and versions.
    Path exception = jdk.resolve("legal/java.base/ASSEMBLY_EXCEPTION");
    if (!Files.exists(exception)) {
      throw new IOException(
          exception
              + " does not exist, so this JDK is not under the GPL with the Classpath exception: set"
              + " JAVA_HOME to an OpenJDK");
    }
    String build = Objects.requireNonNullElse(built.get("JAVA_RUNTIME_VERSION"), version);
    ObjectNode component =
        Sbom.component("platform", "openjdk", build, "pkg:generic/openjdk@" + Purl.encode(build));
    String builder = built.get("IMPLEMENTOR");
    if (builder != null) {
      component.putObject("supplier").put("name", builder);
    }
    // Lists of vulnerabilities know it by this name and not by its package URL.
    component.put("cpe", "cpe:2.3:a:oracle:openjdk:" + version + ":*:*:*:*:*:*:*");
    component
        .putArray("licenses")
        .addObject()
        .put("expression", "GPL-2.0-only WITH Classpath-exception-2.0");
    component
        .putArray("properties")
        .addObject()
        .put("name", "culvert:java:modules")
        .put("value", value(linked, "MODULES", runtime));
    return component;
  }

  private static Map<String, String> release(Path home) throws IOException {
    return LINE.matcher(Files.readString(home.resolve("release")))
        .results()
        .collect(Collectors.toMap(line -> line.group(1), (MatchResult line) -> line.group(2)));
  }

  private static String value(Map<String, String> release, String key, Path home)
      throws IOException {
    String value = release.get(key);
    if (value == null) {
      throw new IOException(home.resolve("release") + " does not name " + key);
    }
    return value;
  }
}
