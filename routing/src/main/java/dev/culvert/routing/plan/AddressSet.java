// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import dev.culvert.routing.Prefix;
import java.util.List;

/**
 * A set of ranges as nftables text, one set for each family.
 *
 * @param base its name, without the family
 * @param prefixes that do not overlap
 */
public record AddressSet(String base, List<Prefix> prefixes) {
  private static final int ELEMENTS_A_LINE = 4096;

  public AddressSet {
    prefixes = List.copyOf(prefixes);
  }

  /** The name of the set of a family. */
  public static String name(String base, boolean v4) {
    return base + (v4 ? 4 : 6);
  }

  private String name(boolean v4) {
    return name(base, v4);
  }

  /**
   * Declared by the field that it is compared with, not by a type: nft before 1.1.2 crashes when it
   * lists a set with a type that a newer nft has made, as that of a container image may be.
   */
  String declaration(boolean v4) {
    return "  set %s { typeof %s; flags interval; }\n"
        .formatted(name(v4), v4 ? "ip saddr" : "ip6 saddr");
  }

  /** Statements that replace the set's contents by these ranges. */
  String elements(String family, boolean v4) {
    StringBuilder text = new StringBuilder();
    String set = family + " " + GuardText.TABLE + " " + name(v4);
    text.append("flush set ").append(set).append('\n');
    List<Prefix> ours = prefixes.stream().filter(range -> range.address().v4() == v4).toList();
    for (int from = 0; from < ours.size(); from += ELEMENTS_A_LINE) {
      List<Prefix> some = ours.subList(from, Math.min(ours.size(), from + ELEMENTS_A_LINE));
      text.append("add element ").append(set).append(' ').append(NftText.list(some)).append('\n');
    }
    return text.toString();
  }
}
