// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.sbom;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Package URLs, which name a package and where it comes from. */
final class Purl {
  private static final Pattern JAR =
      Pattern.compile("pkg:maven/[^/]+/([^@]+)@([^?]+)\\?(?:classifier=([^&]+)&)?type=jar");

  private Purl() {}

  /** A name or version as a part of a package URL. */
  static String encode(String part) {
    // A tilde needs no code there, and a form's code for a blank has no place.
    return URLEncoder.encode(part, StandardCharsets.UTF_8).replace("%7E", "~").replace("+", "%20");
  }

  /** The name of the file, as in {@code slf4j-api-2.0.20.jar}; empty if it is no jar of Maven. */
  static String jar(String purl) {
    Matcher parts = JAR.matcher(purl);
    if (!parts.matches()) {
      return "";
    }
    String classifier = parts.group(3) == null ? "" : "-" + parts.group(3);
    return parts.group(1) + "-" + parts.group(2) + classifier + ".jar";
  }
}
