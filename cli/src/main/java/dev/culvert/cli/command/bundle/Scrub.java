// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.bundle;

import dev.culvert.daemon.admin.RedactedConfig;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A second net under {@link RedactedConfig} and the views, which hold no secrets: takes texts that
 * could be keys out of an archive, as a log line of another program or a defect could bring them.
 * Public keys of the gateways stay.
 */
final class Scrub {
  /**
   * 32 bytes in base64, also without its padding; 16 bytes or more in hexadecimal digits; tokens;
   * private keys in PEM.
   */
  private static final Pattern KEY_LIKE =
      Pattern.compile(
          "(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}(?:=|(?![A-Za-z0-9+/=]))"
              + "|(?<![0-9A-Za-z])(?:0x)?[0-9A-Fa-f]{32,}(?![0-9A-Za-z])"
              + "|\\beyJ[\\w-]+\\.[\\w-]+\\.[\\w-]+"
              + "|(?<=\\bBearer )\\S+"
              + "|(?<=-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----)[^-]+");

  private final Set<String> publicKeys;

  /**
   * @param publicKeys in base64
   */
  Scrub(Set<String> publicKeys) {
    this.publicKeys = Set.copyOf(publicKeys);
  }

  /** The text without those parts that could be secret keys. */
  String of(String text) {
    return KEY_LIKE.matcher(text).replaceAll(this::replacement);
  }

  private String replacement(MatchResult found) {
    String text = found.group();
    boolean known = publicKeys.contains(text) || publicKeys.contains(text + "=");
    return Matcher.quoteReplacement(known ? text : RedactedConfig.REDACTED);
  }
}
