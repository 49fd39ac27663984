// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import static dev.culvert.routing.plan.NftText.FAMILIES;

import java.util.Collection;
import java.util.List;

/**
 * The guard's second layer as nftables text: {@code table netdev culvert}, a chain on the egress
 * hook of physical devices. It sees packets that never met the hooks of IP: macvlan, bridged
 * frames, packet sockets, offloaded flows. It does not track connections, so packets that the first
 * layer lets pass in clear carry a mark.
 */
public final class LinkGuardText {
  private static final String TABLE = "table netdev " + GuardText.TABLE;

  /**
   * Matches packets of a socket in this network namespace, for every user and group number. A mark
   * alone is not enough, since a macvlan's packets keep the mark that a pod gave them. A program's
   * socket has a user; a closed socket that still sends has only a group.
   */
  private static final String OF_PROGRAM = "meta skuid >= 0 ";

  private static final String OF_HOST = "meta cgroup >= 0 ";

  /**
   * VLAN 0 means no VLAN, so receivers remove such a tag and read the rest of the frame. A frame
   * with a second tag, or with a tag of 802.1ad, has its addresses at an offset that no rule reads;
   * there is no use for VLAN 0 in such frames.
   */
  private static final List<String> EMPTY_TAGS =
      List.of(
          "@ll,96,16 { 0x8100, 0x88a8 } @ll,128,16 { 0x8100, 0x88a8 } @ll,112,16 & 0x0fff == 0 ",
          "@ll,96,16 { 0x8100, 0x88a8 } @ll,128,16 { 0x8100, 0x88a8 } @ll,144,16 & 0x0fff == 0 ",
          "@ll,96,16 0x88a8 @ll,112,16 & 0x0fff == 0 ");

  private LinkGuardText() {}

  /**
   * One transaction that makes the second layer anew.
   *
   * @param devices existing devices, at least one
   * @param packets initial packet count
   */
  public static String of(Guard guard, Collection<String> devices, long packets, long bytes) {
    AddressSet foreign = foreign(guard);
    StringBuilder text = new StringBuilder(removal());
    text.append(TABLE).append(" {\n");
    text.append("  counter %s { packets %d bytes %d }\n".formatted(counter(), packets, bytes));
    for (boolean v4 : FAMILIES) {
      text.append(foreign.declaration(v4));
    }
    text.append("}\n");
    for (boolean v4 : FAMILIES) {
      text.append(foreign.elements("netdev", v4));
    }
    String encapsulated = NftText.matches(guard.outer().mark()) + OF_PROGRAM;
    text.append(TABLE).append(" {\n  chain egress {\n");
    text.append("    type filter hook egress devices = ").append(NftText.names(devices));
    text.append(" priority 0; policy accept;\n");
    rule(text, encapsulated + "udp sport " + guard.outer().udpPort() + " accept");
    // The kernel cuts datagrams that are too large for the path; only the first part has ports.
    rule(text, encapsulated + "ip frag-off & 0x1fff != 0 ip protocol udp accept");
    rule(text, encapsulated + "frag frag-off != 0 accept");
    if (guard.outer().rawEsp()) {
      rule(text, encapsulated + "meta l4proto esp accept");
    }
    rule(text, NftText.matches(guard.bypass()) + (isAnyInClear(guard) ? "" : OF_HOST) + "accept");
    rule(text, "icmpv6 type 133-137 ip6 hoplimit 255 accept");
    String verdict = "counter name " + counter() + (guard.egress() ? " drop" : " accept");
    for (String tag : new String[] {"", "vlan type ip "}) {
      rule(text, tag + "ip daddr @foreign4 " + verdict);
    }
    for (String tag : new String[] {"", "vlan type ip6 "}) {
      rule(text, tag + "ip6 daddr @foreign6 " + verdict);
    }
    for (String tags : EMPTY_TAGS) {
      rule(text, tags + verdict);
    }
    return text.append("  }\n}\n").toString();
  }

  private static AddressSet foreign(Guard guard) {
    return new AddressSet("foreign", guard.foreign());
  }

  /** The sets of the second layer. All else of its text is the same with other ranges. */
  public static List<AddressSet> sets(Guard guard) {
    return List.of(foreign(guard));
  }

  /**
   * Whether the first layer lets packets pass in clear that no socket of this host made: forwarded
   * packets, or those of an overlay.
   */
  private static boolean isAnyInClear(Guard guard) {
    return !guard.egress() || !guard.inClear().isEmpty();
  }

  private static void rule(StringBuilder text, String rule) {
    text.append("    ").append(rule).append('\n');
  }

  private static String counter() {
    return GuardCounters.LINK_OUT;
  }

  /** The text that removes it, whether it exists or not. */
  public static String removal() {
    return TABLE + "\ndelete " + TABLE + "\n";
  }
}
