// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

/**
 * A finding of {@code culvert doctor} about one subject.
 *
 * @param advice how to mend it, empty if all is well
 */
public record Finding(String subject, Verdict verdict, String found, String advice) {
  public enum Verdict {
    OK,
    WARN,
    FAIL
  }

  public static Finding ok(String subject, String found) {
    return new Finding(subject, Verdict.OK, found, "");
  }

  static Finding warn(String subject, String found, String advice) {
    return new Finding(subject, Verdict.WARN, found, advice);
  }

  static Finding fail(String subject, String found, String advice) {
    return new Finding(subject, Verdict.FAIL, found, advice);
  }
}
