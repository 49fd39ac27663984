// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.page;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;

/**
 * Builds an HTML document. Text and the values of attributes are escaped here, so that no name of a
 * peer or file becomes markup. Used for one document.
 */
final class Html {
  private static final Set<String> VOID = Set.of("meta", "link", "input", "br");

  private final StringBuilder out = new StringBuilder("<!DOCTYPE html>\n");
  private final Deque<String> open = new ArrayDeque<>();

  /**
   * Opens an element. One that has no end is closed at once.
   *
   * @param attributes names and values in turn
   */
  Html open(String tag, String... attributes) {
    out.append('<').append(tag);
    for (int i = 0; i < attributes.length; i += 2) {
      out.append(' ').append(attributes[i]).append("=\"");
      escape(attributes[i + 1]);
      out.append('"');
    }
    out.append('>');
    if (!VOID.contains(tag)) {
      open.push(tag);
    }
    return this;
  }

  /** Closes the innermost element that is open. */
  Html close() {
    out.append("</").append(open.pop()).append(">");
    return this;
  }

  Html text(String text) {
    escape(text);
    return this;
  }

  /** An element that holds only text. */
  Html element(String tag, String text, String... attributes) {
    return open(tag, attributes).text(text).close();
  }

  Html line() {
    out.append('\n');
    return this;
  }

  /**
   * A table that scrolls by itself on a narrow screen.
   *
   * @param heads of the columns
   */
  Html openTable(String label, String... heads) {
    open("div", "class", "scroll", "tabindex", "0", "role", "region", "aria-label", label);
    open("table").open("thead").open("tr");
    for (String head : heads) {
      element("th", head, "scope", "col");
    }
    return close().close().open("tbody").line();
  }

  Html row(String... cells) {
    open("tr");
    for (String cell : cells) {
      element("td", cell);
    }
    return close().line();
  }

  Html closeTable() {
    return close().close().close().line();
  }

  private void escape(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '&' -> out.append("&amp;");
        case '<' -> out.append("&lt;");
        case '>' -> out.append("&gt;");
        case '"' -> out.append("&quot;");
        default -> out.append(c);
      }
    }
  }

  /**
   * The whole document.
   *
   * @throws IllegalStateException if an element is still open
   */
  @Override
  public String toString() {
    if (!open.isEmpty()) {
      throw new IllegalStateException("not closed: " + open);
    }
    return out.toString();
  }
}
