// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** Addresses as ranges. */
final class Addresses {
  private Addresses() {}

  /**
   * The fewest ranges that hold these addresses and no other one, sorted. Two halves of a range
   * become that range, so an address is never covered that is not there.
   */
  static List<Prefix> asRanges(Collection<IpAddress> addresses) {
    List<Prefix> ranges = new ArrayList<>();
    addresses.stream()
        .sorted()
        .distinct()
        .forEach(
            address -> {
              Prefix last = Prefix.host(address);
              while (!ranges.isEmpty() && areHalves(ranges.getLast(), last)) {
                last = new Prefix(ranges.removeLast().address(), last.length() - 1);
              }
              ranges.add(last);
            });
    return ranges;
  }

  private static boolean areHalves(Prefix lower, Prefix upper) {
    return lower.length() == upper.length()
        && lower.address().v4() == upper.address().v4()
        && lower.length() > 0
        && !lower.equals(upper)
        && new Prefix(upper.address(), upper.length() - 1)
            .equals(new Prefix(lower.address(), lower.length() - 1));
  }

  /** The address at a position in a range. */
  static IpAddress at(Prefix range, int position) {
    IpAddress first = range.address();
    // Blocks are aligned and have few addresses, so nothing carries into the upper half.
    return new IpAddress(first.v4(), first.high(), first.low() + position);
  }

  /** Whether the range is one address. */
  static boolean isHost(Prefix range) {
    return range.length() == range.address().bitLength();
  }
}
