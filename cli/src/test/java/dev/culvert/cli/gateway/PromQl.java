// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The selectors and labels in an expression of PromQL. Prometheus itself says whether it can be
 * parsed; this only takes apart those that can.
 *
 * @param selectors names of series, each with its matchers if it has some
 * @param grouping labels by which the expression sums or matches
 */
record PromQl(List<Selector> selectors, Set<String> grouping) {
  /** Text, a range, an offset, a grouping, or a name with matchers: the first of them that fits. */
  private static final Pattern PART =
      Pattern.compile(
          "\"[^\"]*\""
              + "|\\[[^]]*]"
              + "|\\boffset\\s+\\w+"
              + "|\\b(?:by|without|on|ignoring|group_left|group_right)\\s*\\(([^)]*)\\)"
              + "|\\b([a-zA-Z_][\\w:]*)(\\{[^}]*})?");

  private static final Pattern MATCHER =
      Pattern.compile("(\\w+)\\s*(?:=~|!~|!=|=)\\s*\"([^\"]*)\"");

  private static final Set<String> WORDS =
      Set.of(
          "and",
          "or",
          "unless",
          "avg",
          "changes",
          "count",
          "count_values",
          "increase",
          "last_over_time",
          "max",
          "min",
          "rate",
          "sum",
          "time",
          "topk");

  PromQl {
    selectors = List.copyOf(selectors);
    grouping = Set.copyOf(grouping);
  }

  /**
   * Series of one name.
   *
   * @param text as it is written
   * @param matchers values by label; of a regular expression its text
   */
  record Selector(String name, String text, TreeMap<String, String> matchers) {}

  static PromQl of(String expression) {
    List<Selector> selectors = new ArrayList<>();
    Set<String> grouping = new TreeSet<>();
    Matcher parts = PART.matcher(expression);
    while (parts.find()) {
      if (parts.group(1) != null) {
        grouping.addAll(List.of(parts.group(1).split("\\s*,\\s*", -1)));
      } else if (parts.group(2) != null && !WORDS.contains(parts.group(2))) {
        selectors.add(selector(parts.group(2), parts.group(3)));
      }
    }
    return new PromQl(selectors, grouping);
  }

  private static Selector selector(String name, String block) {
    TreeMap<String, String> matchers = new TreeMap<>();
    String text = block == null ? "" : block;
    MATCHER.matcher(text).results().forEach(m -> matchers.put(m.group(1), m.group(2)));
    return new Selector(name, name + text, matchers);
  }
}
