package dev.culvert.routing.plan;

import static dev.culvert.routing.plan.NftText.FAMILIES;

import java.util.Collection;
import java.util.List;

/**
 * The guard's second layer in nftables' words: {@code table netdev culvert}, a chain on the egress
 * hook of physical devices. It sees what never met the hooks of IP: macvlan, bridged frames, packet
 * sockets, offloaded flows. It knows no connections, so what the first layer lets pass in clear
 * carries a mark.
 */
public final class LinkGuardText {
  private static final String TABLE = "table netdev " + GuardText.TABLE;

  /**
   * Of a socket in this network namespace, which is what these match whatever the number is. A
   * macvlan's packets keep the mark that a pod gave them. A program's socket has a user; one that
   * was closed and still sends has none, but a group.
   */
  private static final String OF_PROGRAM = "meta skuid >= 0 ";

  private static final String OF_HOST = "meta cgroup >= 0 ";

  /**
   * VLAN 0 is none, so receivers take such a tag off and look at what follows. A frame with a
   * second tag, or with one of 802.1ad, has its addresses where no rule looks; nobody needs VLAN 0
   * in those.
   */
  private static final List<String> EMPTY_TAGS =
      List.of(
          "@ll,96,16 { 0x8100, 0x88a8 } @ll,128,16 { 0x8100, 0x88a8 } @ll,112,16 & 0x0fff == 0 ",
          "@ll,96,16 { 0x8100, 0x88a8 } @ll,128,16 { 0x8100, 0x88a8 } @ll,144,16 & 0x0fff == 0 ",
          "@ll,96,16 0x88a8 @ll,112,16 & 0x0fff == 0 ");

  private LinkGuardText() {}

  /**
   * One transaction that makes it anew.
   *
   * @param devices that exist, one at least
   * @param packets and bytes that the counter begins at
   */
  public static String of(Guard guard, Collection<String> devices, long packets, long bytes) {
    AddressSet foreign = new AddressSet("foreign", guard.foreign());
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
    String encapsulated = NftText.matches(guard.encapsulation().mark()) + OF_PROGRAM;
    text.append(TABLE).append(" {\n  chain egress {\n");
    text.append("    type filter hook egress devices = ").append(NftText.names(devices));
    text.append(" priority 0; policy accept;\n");
    rule(text, encapsulated + "udp sport " + guard.encapsulation().udpPort() + " accept");
    // The kernel cuts datagrams that are too large for the path; only the first part has ports.
    rule(text, encapsulated + "ip frag-off & 0x1fff != 0 ip protocol udp accept");
    rule(text, encapsulated + "frag frag-off != 0 accept");
    if (guard.encapsulation().rawEsp()) {
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

  /** Then the first layer lets pass what no socket here made: forwarded, or an overlay's. */
  private static boolean isAnyInClear(Guard guard) {
    return !guard.egress() || !guard.inClear().isEmpty();
  }

  private static void rule(StringBuilder text, String rule) {
    text.append("    ").append(rule).append('\n');
  }

  private static String counter() {
    return GuardCounters.LINK_OUT;
  }

  /** It taken away, whether it stands or not. */
  public static String removal() {
    return TABLE + "\ndelete " + TABLE + "\n";
  }
}
