// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import dev.culvert.routing.Mark;
import java.util.List;

/**
 * The facts about this machine and the tunnel that the plan depends on.
 *
 * @param tunnel the tunnel's device
 * @param mtu the tunnel's MTU in bytes, see {@link TunnelMtu}
 * @param table the tunnel's routing table. It and the four after it belong to the tunnel alone: 1
 *     to 2^31-6, and none of the five is one of the kernel's own (253 to 255)
 * @param underlay devices that lead to the other nodes; empty while no way to any of them is known
 * @param physical devices that packets leave this host through
 * @param podless those behind which no pod of this node is, unless they are bridges: packets to its
 *     pods never leave through them
 * @param outer the signs of the tunnel's own packets
 * @param bypass the mark of packets that leave in clear on purpose
 * @param overlay the signs of a network plugin's overlay
 * @param clampMss whether the guard clamps the segment size of TCP through the tunnel, for networks
 *     in which too-big messages do not reach the pods
 */
public record LinkFacts(
    String tunnel,
    int mtu,
    int table,
    List<String> underlay,
    List<String> physical,
    List<String> podless,
    OuterHeaders outer,
    Mark bypass,
    Overlay overlay,
    boolean clampMss) {
  public LinkFacts {
    underlay = List.copyOf(underlay);
    physical = List.copyOf(physical);
    podless = List.copyOf(podless);
    if (underlay.contains(tunnel)) {
      throw new IllegalArgumentException(
          "underlay devices " + underlay + " of the tunnel " + tunnel);
    }
    if (table < 1
        || table > Integer.MAX_VALUE - KernelPlan.TABLES
        || (table + KernelPlan.TABLES > 253 && table <= 255)) {
      throw new IllegalArgumentException("table " + table + " is not free for the tunnel");
    }
    requireApart(outer.mark(), bypass);
    requireApart(outer.mark(), overlay.mark());
    requireApart(bypass, overlay.mark());
  }

  private static void requireApart(Mark one, Mark other) {
    int both = one.mask() & other.mask();
    if ((one.value() & both) == (other.value() & both)) {
      throw new IllegalArgumentException("marks " + one + " and " + other + " are alike");
    }
  }
}
