package dev.culvert.routing;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

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
