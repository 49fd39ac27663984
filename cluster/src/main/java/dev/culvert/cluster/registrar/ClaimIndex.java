// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Who owns which key, range and address. A question costs the same however many owners there are.
 */
final class ClaimIndex {
  private final boolean lends;
  private final NavigableMap<Prefix, Holding> holdings = new TreeMap<>();
  private final Map<String, Holding> keys = new HashMap<>();

  /** By length: how many ranges of IPv4 and IPv6, so that only lengths in use are looked up. */
  private final int[] lengths4 = new int[33];

  private final int[] lengths6 = new int[129];

  /**
   * A claim that a node holds.
   *
   * @param address whether it is a node's own address rather than a range of its pods
   * @param releasing whether the owner is about to give it up: no other node may have it before
   *     that is written, and none is rejected for its sake either
   */
  record Holding(String owner, boolean address, boolean releasing) {}

  /**
   * An index without owners.
   *
   * @param lends whether a node may own a single address in a range of another node
   */
  ClaimIndex(boolean lends) {
    this.lends = lends;
  }

  void hold(Prefix prefix, Holding holding) {
    if (holdings.putIfAbsent(prefix, holding) == null) {
      (prefix.address().v4() ? lengths4 : lengths6)[prefix.length()]++;
    }
  }

  void holdKey(String key, Holding holding) {
    keys.putIfAbsent(key, holding);
  }

  /** Another owner's holding that forbids {@code claimant} the key, or null. */
  @Nullable Holding rivalForKey(String claimant, String key) {
    Holding holding = keys.get(key);
    return holding == null || holding.owner().equals(claimant) ? null : holding;
  }

  /**
   * Another owner's holding that forbids {@code claimant} the range, or null. One that is not about
   * to be released goes before one that is.
   */
  @Nullable Holding rival(String claimant, Prefix claim, boolean address) {
    Holding releasing = null;
    int[] lengths = claim.address().v4() ? lengths4 : lengths6;
    for (int length = claim.length() - 1; length >= 0; length--) {
      if (lengths[length] > 0) {
        Prefix cover = new Prefix(claim.address(), length);
        Holding rival = rival(claimant, claim, address, cover, holdings.get(cover));
        if (rival != null && !rival.releasing()) {
          return rival;
        }
        releasing = rival == null ? releasing : rival;
      }
    }
    // In order of addresses, the ranges inside a range follow it.
    for (Map.Entry<Prefix, Holding> inside : holdings.tailMap(claim, true).entrySet()) {
      if (!claim.contains(inside.getKey())) {
        break;
      }
      Holding rival = rival(claimant, claim, address, inside.getKey(), inside.getValue());
      if (rival != null && !rival.releasing()) {
        return rival;
      }
      releasing = rival == null ? releasing : rival;
    }
    return releasing;
  }

  private @Nullable Holding rival(
      String claimant, Prefix claim, boolean address, Prefix held, @Nullable Holding holding) {
    if (holding == null || holding.owner().equals(claimant)) {
      return null;
    }
    boolean ranges = !address && !holding.address();
    boolean lent = lends && ranges && Addresses.isHost(claim) != Addresses.isHost(held);
    return lent ? null : holding;
  }

  boolean isEmpty() {
    return holdings.isEmpty();
  }

  /** Whether one of the ranges here holds the address. */
  boolean contains(IpAddress address) {
    return rival("", Prefix.host(address), true) != null;
  }
}
