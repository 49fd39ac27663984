// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.stream.Collectors;

/** Guesses the word that a mistyped one stands for. */
final class Suggestion {
  private Suggestion() {}

  /** {@code "; did you mean 'mtu'?"} if a known word is near, else all known words. */
  static String of(String word, Collection<String> known) {
    String lower = word.toLowerCase(Locale.ROOT);
    return known.stream()
        .min(Comparator.comparingInt((String k) -> distance(lower, k.toLowerCase(Locale.ROOT))))
        .filter(k -> distance(lower, k.toLowerCase(Locale.ROOT)) <= 1 + k.length() / 4)
        .map(k -> "; did you mean '" + k + "'?")
        .orElseGet(() -> "; known: " + known.stream().sorted().collect(Collectors.joining(", ")));
  }

  /** The number of insertions, removals and replacements between the two words (Levenshtein). */
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int above = row[j];
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(replaced, Math.min(above, row[j - 1]) + 1);
        diagonal = above;
      }
    }
    return row[b.length()];
  }
}
