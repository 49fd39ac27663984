// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.routing.Prefix;
import dev.culvert.routing.PrefixTable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The owners of ranges; a range has one owner. The control thread makes changes and then publishes
 * one immutable table, so that lanes never see half a change.
 */
final class AllowedIps {
  /** Sorted, so that the table need not sort the ranges. */
  private final NavigableMap<Prefix, WireGuardPeer> owners = new TreeMap<>();

  private final Map<WireGuardPeer, NavigableSet<Prefix>> ranges = new HashMap<>();
  private volatile PrefixTable<WireGuardPeer> table = PrefixTable.empty();

  /** The table last published. Thread-safe. */
  PrefixTable<WireGuardPeer> table() {
    return table;
  }

  /** Gives {@code prefix} to {@code peer}, taking it from any other peer. */
  void give(Prefix prefix, WireGuardPeer peer) {
    WireGuardPeer before = owners.put(prefix, peer);
    if (before != null) {
      rangesOf(before).remove(prefix);
    }
    rangesOf(peer).add(prefix);
  }

  /** Takes {@code prefix} from {@code peer} if it has it. */
  void take(Prefix prefix, WireGuardPeer peer) {
    if (owners.remove(prefix, peer)) {
      rangesOf(peer).remove(prefix);
    }
  }

  void takeAll(WireGuardPeer peer) {
    NavigableSet<Prefix> had = ranges.remove(peer);
    if (had != null) {
      had.forEach(owners::remove);
    }
  }

  /** The ranges of {@code peer}, sorted. */
  List<Prefix> of(WireGuardPeer peer) {
    return List.copyOf(rangesOf(peer));
  }

  /** The lengths of all ranges together, which bound the table's memory. */
  long bits() {
    return owners.keySet().stream().mapToLong(Prefix::length).sum();
  }

  void publish() {
    table = PrefixTable.of(owners);
  }

  private NavigableSet<Prefix> rangesOf(WireGuardPeer peer) {
    return ranges.computeIfAbsent(peer, p -> new TreeSet<>());
  }
}
