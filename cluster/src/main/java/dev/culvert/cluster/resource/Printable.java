// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

/**
 * Text of the API for logs and terminals. A kubelet may write any text into some fields of its
 * Node, and the registrar quotes it in conditions.
 */
public final class Printable {
  private Printable() {}

  /**
   * The text with a space in place of each character that steers a terminal or hides text.
   *
   * @param limit of the characters; the rest is cut off
   */
  public static String text(String text, int limit) {
    int[] visible = text.codePoints().limit(limit).map(c -> isVisible(c) ? c : ' ').toArray();
    return new String(visible, 0, visible.length);
  }

  private static boolean isVisible(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      default -> true;
    };
  }
}
