// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Sets of addresses as lists of ranges. */
public final class Prefixes {
  private Prefixes() {}

  /** The same addresses in ranges that do not overlap, sorted. */
  public static List<Prefix> disjoint(Collection<Prefix> prefixes) {
    List<Prefix> result = new ArrayList<>();
    prefixes.stream()
        .sorted()
        .forEach(
            prefix -> {
              if (result.isEmpty() || !result.getLast().contains(prefix)) {
                result.add(prefix);
              }
            });
    return result;
  }

  /**
   * At most {@code most} ranges that hold all of {@code prefixes}, and some addresses between them.
   */
  public static List<Prefix> cover(Collection<Prefix> prefixes, int most) {
    for (int length = 128; length > 0; length--) {
      Set<Prefix> shorter = new HashSet<>();
      for (Prefix prefix : prefixes) {
        shorter.add(prefix.length() <= length ? prefix : new Prefix(prefix.address(), length));
      }
      if (shorter.size() <= most) {
        return disjoint(shorter);
      }
    }
    throw new IllegalArgumentException("no " + most + " ranges hold " + prefixes.size());
  }

  /** The addresses of {@code prefix} that are in none of {@code holes}, in order. */
  public static List<Prefix> subtract(Prefix prefix, Collection<Prefix> holes) {
    List<Prefix> result = new ArrayList<>();
    subtract(prefix, holes, result);
    return result;
  }

  private static void subtract(Prefix prefix, Collection<Prefix> holes, List<Prefix> result) {
    List<Prefix> inside = new ArrayList<>();
    for (Prefix hole : holes) {
      if (hole.contains(prefix)) {
        return;
      }
      if (prefix.contains(hole)) {
        inside.add(hole);
      }
    }
    if (inside.isEmpty()) {
      result.add(prefix);
      return;
    }
    subtract(prefix.lowerHalf(), inside, result);
    subtract(prefix.upperHalf(), inside, result);
  }
}
