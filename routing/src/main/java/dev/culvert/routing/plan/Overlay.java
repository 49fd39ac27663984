// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import dev.culvert.routing.Mark;
import java.util.List;
import java.util.TreeSet;

/**
 * The signs of a network plugin's overlay (VXLAN, Geneve, IPIP, GRE), whose packets travel inside
 * the tunnel or beside it.
 *
 * @param mark the mark of packets that came out of the tunnel; it stays on a packet through
 *     decapsulation
 * @param ports UDP ports that overlays are sent to
 * @param toMany whether they may be sent to multicast addresses, in clear
 */
public record Overlay(Mark mark, List<Integer> ports, boolean toMany) {
  /** VXLAN's ports, as IANA assigned it and as Linux has it, and Geneve's. */
  private static final List<Integer> USUAL = List.of(4789, 6081, 8472);

  /** Sorts the ports and adds the usual ones. */
  public Overlay {
    TreeSet<Integer> all = new TreeSet<>(ports);
    all.addAll(USUAL);
    ports = List.copyOf(all);
  }
}
