package dev.culvert.routing.plan;

import dev.culvert.routing.Mark;
import java.util.List;
import java.util.TreeSet;

/**
 * What the guard knows of a network plugin's overlay (VXLAN, Geneve, IPIP, GRE), whose packets lie
 * in the tunnel's or beside them.
 *
 * @param mark of what came out of the tunnel; it stays on a packet that is decapsulated
 * @param ports of UDP that overlays are sent to
 * @param toMany whether they may be sent to multicast addresses, in clear
 */
public record Overlay(Mark mark, List<Integer> ports, boolean toMany) {
  /** Of VXLAN, by IANA and as Linux has it, and of Geneve. */
  private static final List<Integer> USUAL = List.of(4789, 6081, 8472);

  /** Sorted, and with the usual ones among them. */
  public Overlay {
    TreeSet<Integer> all = new TreeSet<>(ports);
    all.addAll(USUAL);
    ports = List.copyOf(all);
  }
}
