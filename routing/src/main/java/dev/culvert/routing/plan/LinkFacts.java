package dev.culvert.routing.plan;

import dev.culvert.routing.Mark;
import java.util.List;

/**
 * What the plan must know of this machine and of the tunnel.
 *
 * @param tunnel the tunnel's device
 * @param mtu of the tunnel, see {@link TunnelMtu}
 * @param table the tunnel's routing table, which with the four after it is nobody else's: 1 to
 *     2^31-6, and none of the five one of the kernel's own (253 to 255)
 * @param underlay devices that lead to the other nodes; none while no way to any is known
 * @param physical devices that packets leave this host through
 * @param encapsulation how the tunnel's packets are known
 * @param bypass the mark of what goes in clear on purpose
 * @param overlay how a network plugin's overlay is known
 * @param clampMss whether TCP through the tunnel is told its segment size, where too-big messages
 *     do not reach the pods
 */
public record LinkFacts(
    String tunnel,
    int mtu,
    int table,
    List<String> underlay,
    List<String> physical,
    Encapsulation encapsulation,
    Mark bypass,
    Overlay overlay,
    boolean clampMss) {
  public LinkFacts {
    underlay = List.copyOf(underlay);
    physical = List.copyOf(physical);
    if (underlay.contains(tunnel)) {
      throw new IllegalArgumentException(
          "underlay devices " + underlay + " of the tunnel " + tunnel);
    }
    if (table < 1
        || table > Integer.MAX_VALUE - KernelPlan.TABLES
        || (table + KernelPlan.TABLES > 253 && table <= 255)) {
      throw new IllegalArgumentException("table " + table + " is not free for the tunnel");
    }
    requireApart(encapsulation.mark(), bypass);
    requireApart(encapsulation.mark(), overlay.mark());
    requireApart(bypass, overlay.mark());
  }

  private static void requireApart(Mark one, Mark other) {
    int both = one.mask() & other.mask();
    if ((one.value() & both) == (other.value() & both)) {
      throw new IllegalArgumentException("marks " + one + " and " + other + " are alike");
    }
  }
}
