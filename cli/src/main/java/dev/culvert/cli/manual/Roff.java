// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.manual;

import java.util.Locale;

/** The text of one page in the macros of man(7). */
final class Roff {
  private final StringBuilder page = new StringBuilder();

  /**
   * Begins a page of section 8, for administrators.
   *
   * @param name as in {@code culvert-up}
   * @param date as in {@code 2026-11-20}
   * @param version of the program, as in {@code Culvert 0.1.0}
   */
  Roff(String name, String date, String version) {
    page.append(
        ".TH %s 8 \"%s\" \"%s\" \"Culvert\"\n"
            .formatted(escaped(name.toUpperCase(Locale.ROOT)), escaped(date), escaped(version)));
    page.append(".nh\n.ad l\n"); // Words of commands are not to be broken, nor stretched.
  }

  Roff section(String heading) {
    page.append(".SH ").append(escaped(heading.toUpperCase(Locale.ROOT))).append('\n');
    return this;
  }

  /** A paragraph of words that the reader's terminal wraps. */
  Roff paragraph(String text) {
    page.append(".PP\n");
    return lines(text);
  }

  /** A line of text that may contain words in {@link #bold} and {@link #italic}. */
  Roff marked(String text) {
    page.append(text).append('\n');
    return this;
  }

  /**
   * An entry of a list: a term, and its meaning beside it.
   *
   * @param term from {@link #bold} and {@link #italic}
   */
  Roff entry(String term, String meaning) {
    page.append(".TP\n").append(term).append('\n');
    return lines(meaning.isBlank() ? " " : meaning);
  }

  /** Lines that stay as they are. */
  Roff verbatim(String text) {
    page.append(".nf\n");
    lines(text);
    page.append(".fi\n");
    return this;
  }

  private Roff lines(String text) {
    text.lines().map(Roff::line).forEach(line -> page.append(line).append('\n'));
    return this;
  }

  /** A line that no macro can be: those begin with a point or an apostrophe. */
  private static String line(String text) {
    String escaped = escaped(text);
    boolean control = text.startsWith(".") || text.startsWith("'") || text.isBlank();
    return control ? "\\&" + escaped : escaped;
  }

  static String bold(String text) {
    return "\\fB" + escaped(text) + "\\fR";
  }

  static String italic(String text) {
    return "\\fI" + escaped(text) + "\\fR";
  }

  /** The text with all characters as they are, to be copied from a terminal too. */
  static String escaped(String text) {
    StringBuilder escaped = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '\\' -> escaped.append("\\e");
        case '-' -> escaped.append("\\-");
        case '~' -> escaped.append("\\(ti");
        case '^' -> escaped.append("\\(ha");
        case '`' -> escaped.append("\\(ga");
        case '\'' -> escaped.append("\\(aq");
        case '"' -> escaped.append("\\(dq");
        default -> escaped.append(c);
      }
    }
    return escaped.toString();
  }

  @Override
  public String toString() {
    return page.toString();
  }
}
