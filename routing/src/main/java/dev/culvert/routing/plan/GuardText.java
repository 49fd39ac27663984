// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import static dev.culvert.routing.plan.GuardCounters.BYPASS_OUT;
import static dev.culvert.routing.plan.GuardCounters.ENCAPSULATION_IN;
import static dev.culvert.routing.plan.GuardCounters.ENCAPSULATION_OUT;
import static dev.culvert.routing.plan.GuardCounters.NEIGHBOUR_DISCOVERY_IN;
import static dev.culvert.routing.plan.GuardCounters.NEIGHBOUR_DISCOVERY_OUT;
import static dev.culvert.routing.plan.GuardCounters.OVERLAY_IN;
import static dev.culvert.routing.plan.GuardCounters.OVERLAY_OUT;
import static dev.culvert.routing.plan.GuardCounters.TRANSLATED_IN;
import static dev.culvert.routing.plan.GuardCounters.UNKNOWN_IN;
import static dev.culvert.routing.plan.GuardCounters.UNKNOWN_OUT;
import static dev.culvert.routing.plan.NftText.FAMILIES;
import static dev.culvert.routing.plan.NftText.list;
import static dev.culvert.routing.plan.NftText.matches;
import static dev.culvert.routing.plan.NftText.names;
import static dev.culvert.routing.plan.NftText.set;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.TrafficClass;
import java.util.ArrayList;
import java.util.List;

/**
 * The guard as nftables text: one transaction for {@code nft -f -}, that makes or replaces {@code
 * table inet culvert} and keeps its counters, and {@code table arp culvert}, which drops nothing.
 * Used for one text.
 *
 * <p>Leaving packets are judged last of all in postrouting, after every translation of addresses,
 * and arriving packets before any translation, so that the addresses on the wire count. In
 * postrouting a forwarded packet has an input device; {@code iif 0} means that this host itself
 * made it.
 *
 * <p>One look-up settles most packets: the tunnel's own packets pass before it, and only packets
 * with an end at another node meet the rules after it.
 */
public final class GuardText {
  /** The table's name, of family inet. */
  public static final String TABLE = "culvert";

  private static final String ARP_REMOVAL =
      "table arp " + TABLE + "\ndelete table arp " + TABLE + "\n";

  private static final String PASS_OUT = "pass_out";
  private static final String POD_GONE = "pod_gone";
  private static final String PASSES = "goto " + PASS_OUT;
  private static final List<String> OVERLAY_KINDS =
      List.of("vxlan", "geneve", "ipip", "sit", "ip6tnl", "gre", "ip6gre");

  /** IPIP, IPv6 in IPv4, and GRE. */
  private static final String OVERLAY_PROTOCOLS = "meta l4proto { 4, 41, 47 } ";

  private static final String FROM_HOST = "meta iif 0 ";
  private static final String NEIGHBOUR_DISCOVERY = "icmpv6 type 133-137 ip6 hoplimit 255 ";

  private final Guard guard;
  private final List<String> chains = new ArrayList<>();

  private GuardText(Guard guard) {
    this.guard = guard;
  }

  public static String of(Guard guard) {
    return new GuardText(guard).text();
  }

  private String text() {
    passOut();
    podGone();
    for (boolean v4 : FAMILIES) {
      leaving(v4);
      arriving(v4);
      translated(v4);
    }
    fromTunnel();
    egress();
    ingress();
    translated();
    translatedAt("forward");
    translatedAt("input");
    source();
    clampMss();
    StringBuilder text = new StringBuilder();
    text.append("table inet ").append(TABLE).append('\n');
    text.append("flush table inet ").append(TABLE).append('\n');
    text.append("table inet ").append(TABLE).append(" {\n");
    GuardCounters.all(guard.exemptions().stream().map(GuardExemption::name).toList())
        .forEach(name -> text.append("  counter ").append(name).append(" { }\n"));
    for (boolean v4 : FAMILIES) {
      sets().forEach(set -> text.append(set.declaration(v4)));
    }
    text.append("}\n");
    for (boolean v4 : FAMILIES) {
      sets().forEach(set -> text.append(set.elements("inet", v4)));
    }
    text.append("table inet ").append(TABLE).append(" {\n");
    chains.forEach(line -> text.append("  ").append(line).append('\n'));
    return text.append("}\n").append(addressResolution()).toString();
  }

  /**
   * Strict reverse-path filtering applies to ARP too, and the way back leads into the tunnel:
   * without the mark no node would answer another one's ARP. nftables has a family of its own for
   * ARP.
   */
  private String addressResolution() {
    String table = "table arp " + TABLE;
    return guard.underlay().isEmpty()
        ? ARP_REMOVAL
        : """
          %1$s
          flush %1$s
          %1$s {
            chain ingress {
              type filter hook input priority 0; policy accept;
              iifname %2$s %3$s
            }
          }
          """
            .formatted(table, names(guard.underlay()), set(guard.outer().mark()).strip());
  }

  private List<AddressSet> sets() {
    return sets(guard);
  }

  /** The sets of a guard. All else of its text is the same with other ranges. */
  public static List<AddressSet> sets(Guard guard) {
    return List.of(
        new AddressSet("local_node", guard.localNode()),
        new AddressSet("local_pods", guard.localPods()),
        new AddressSet("remote_nodes", guard.remoteNodes()),
        new AddressSet("clients", guard.clients()),
        new AddressSet("remote_pods", guard.remotePods()),
        new AddressSet("cluster", guard.cluster()),
        new AddressSet("foreign", guard.foreign()));
  }

  private void open(String chain, String type, String hook, int priority) {
    open(chain);
    chains.add("  type " + type + " hook " + hook + " priority " + priority + "; policy accept;");
  }

  /** Opens a chain that another chain jumps to. */
  private void open(String chain) {
    chains.add("chain " + chain + " {");
  }

  private void close() {
    chains.add("}");
  }

  private void line(String rule) {
    chains.add("  " + rule);
  }

  private void rule(String match, String counter, String verdict) {
    line(match + "counter name " + counter + (verdict.isEmpty() ? "" : " ") + verdict);
  }

  private List<String> carriers(String end) {
    String udp = "udp " + end + " " + guard.outer().udpPort() + " ";
    return guard.outer().rawEsp() ? List.of("meta l4proto esp ", udp) : List.of(udp);
  }

  private void egress() {
    open("egress", "filter", "postrouting", 300);
    // Everything may pass the tunnel, and packets on loopback do not leave the host.
    // Two comparisons take less than a look-up in a set of two.
    line("oifname \"" + guard.tunnel() + "\" accept");
    for (String carrier : carriers("sport")) {
      rule(FROM_HOST + matches(guard.outer().mark()) + carrier, ENCAPSULATION_OUT, "accept");
    }
    line("oifname \"lo\" accept");
    rule(matches(guard.bypass()), BYPASS_OUT, "");
    for (boolean v4 : FAMILIES) {
      line(end(v4, "daddr", "foreign") + "goto leaving" + family(v4));
      if (!guard.podless().isEmpty()) {
        String away = "oifname " + names(guard.podless()) + " ";
        line(away + end(v4, "daddr", "local_pods") + "goto " + POD_GONE);
      }
      overlays(v4);
    }
    close();
  }

  /**
   * A pod that ended or moved leaves no route behind in some network plugins, and packets to it
   * take the default route, while other nodes go on sending to it here. On a bridge there may be
   * both pods and the underlay.
   */
  private void podGone() {
    open(POD_GONE);
    line("meta oifkind { \"bridge\", \"openvswitch\" } accept");
    rule("", UNKNOWN_OUT, guard.egress() ? "drop" : PASSES);
    close();
  }

  /**
   * A multicast packet of an overlay goes to every listener, so there is no single peer to seal it
   * for.
   */
  private void overlays(boolean v4) {
    String toMany = FROM_HOST + (v4 ? "ip daddr 224.0.0.0/4 " : "ip6 daddr ff00::/8 ");
    String verdict = guard.egress() && !guard.overlay().toMany() ? "drop" : "accept";
    rule(toMany + overlayPorts(), OVERLAY_OUT, verdict);
    rule(toMany + OVERLAY_PROTOCOLS, OVERLAY_OUT, verdict);
  }

  /** The rules for packets to the other nodes. */
  private void leaving(boolean v4) {
    open("leaving" + family(v4));
    if (!v4) {
      // The kernel's own solicitations carry an input device. A forwarded packet no longer has the
      // hop limit 255.
      rule(NEIGHBOUR_DISCOVERY, NEIGHBOUR_DISCOVERY_OUT, "accept");
    }
    guard.exemptions().forEach(exemption -> exemptOut(exemption, v4));
    for (TrafficClass traffic : TrafficClass.values()) {
      // A translated pod has a node's address on the wire, but is still not a node.
      String origin = traffic.fromNode() && inClear(traffic) ? FROM_HOST : "";
      String between = between(v4, local(traffic.fromNode()), remote(traffic.toNode()));
      classOut(traffic, origin + between);
    }
    for (TrafficClass traffic : TrafficClass.values()) {
      if (traffic.fromNode()) {
        // For addresses that no configuration names, such as a service address that moves between
        // nodes.
        String notOfPods = v4 ? "ip saddr != @local_pods4 " : "ip6 saddr != @local_pods6 ";
        classOut(traffic, FROM_HOST + notOfPods + end(v4, "daddr", remote(traffic.toNode())));
      }
    }
    if (inClear(TrafficClass.NODE_TO_NODE)) {
      overlaysOfNodes(v4);
    }
    rule("", UNKNOWN_OUT, guard.egress() ? "drop" : PASSES);
    close();
  }

  /**
   * The packets that an overlay's device made around others: this host's own, but with that device
   * as input device.
   */
  private void overlaysOfNodes(boolean v4) {
    String made =
        "meta iifkind " + names(OVERLAY_KINDS) + " " + between(v4, local(true), remote(true));
    classOut(TrafficClass.NODE_TO_NODE, made + overlayPorts());
    classOut(TrafficClass.NODE_TO_NODE, made + OVERLAY_PROTOCOLS);
  }

  private String overlayPorts() {
    return "udp dport " + list(guard.overlay().ports()) + " ";
  }

  private void classOut(TrafficClass traffic, String match) {
    boolean passes = inClear(traffic) || !guard.egress();
    rule(match, GuardCounters.of(traffic, true), passes ? PASSES : "drop");
  }

  /**
   * Marks the packet, so that the link layer's guard, which sees only addresses, lets it pass. An
   * overlay's device makes another packet around it, which inherits the mark and is looked up by
   * it: that packet has to be judged like any other of this node.
   */
  private void passOut() {
    open(PASS_OUT);
    line("meta oifkind " + names(OVERLAY_KINDS) + " accept");
    line(set(guard.bypass()) + "accept");
    close();
  }

  private void ingress() {
    open("ingress", "filter", "prerouting", -150);
    // No map: it would be a set with a type, see AddressSet.
    line("iifname \"lo\" accept");
    line("iifname \"" + guard.tunnel() + "\" goto from_tunnel");
    for (String carrier : carriers("dport")) {
      rule(
          "fib daddr type local " + carrier + set(guard.outer().mark()),
          ENCAPSULATION_IN,
          "accept");
    }
    for (boolean v4 : FAMILIES) {
      line(end(v4, "saddr", "foreign") + "goto arriving" + family(v4));
    }
    if (!guard.underlay().isEmpty()) {
      for (boolean v4 : FAMILIES) {
        // Only this node's own addresses remain here, and those never come from other nodes.
        String fromWire = "iifname " + names(guard.underlay()) + " ";
        rule(fromWire + between(v4, "cluster", "cluster"), UNKNOWN_IN, strictIn());
      }
    }
    close();
  }

  private String strictIn() {
    return guard.ingress() ? "drop" : "accept";
  }

  /**
   * The mark identifies the packets that an overlay's device takes out of packets from the tunnel.
   * Overlays lie between nodes: a pod must not get the mark for packets that it makes itself, under
   * any addresses.
   */
  private void fromTunnel() {
    open("from_tunnel");
    for (boolean v4 : FAMILIES) {
      line(end(v4, "saddr", "remote_nodes") + set(guard.overlay().mark()) + "accept");
    }
    line("accept");
    close();
  }

  /** The rules for packets from the other nodes. */
  private void arriving(boolean v4) {
    open("arriving" + family(v4));
    if (!v4) {
      rule(NEIGHBOUR_DISCOVERY, NEIGHBOUR_DISCOVERY_IN, "accept");
    }
    rule(matches(guard.overlay().mark()), OVERLAY_IN, "accept");
    guard.exemptions().forEach(exemption -> exemptIn(exemption, v4));
    for (TrafficClass traffic : TrafficClass.values()) {
      rule(
          between(v4, remote(traffic.fromNode()), local(traffic.toNode())),
          GuardCounters.of(traffic, false),
          inClear(traffic) ? "accept" : strictIn());
    }
    rule("", UNKNOWN_IN, strictIn());
    close();
  }

  private static String family(boolean v4) {
    return v4 ? "4" : "6";
  }

  /** Nodes are matched before pods, so that a node's address in a pod range stays a node's. */
  private static String local(boolean node) {
    return node ? "local_node" : "local_pods";
  }

  private static String remote(boolean node) {
    return node ? "remote_nodes" : "remote_pods";
  }

  private boolean inClear(TrafficClass traffic) {
    return guard.inClear().contains(traffic);
  }

  private static String end(boolean v4, String end, String set) {
    return v4 ? "ip %s @%s4 ".formatted(end, set) : "ip6 %s @%s6 ".formatted(end, set);
  }

  private static String between(boolean v4, String source, String destination) {
    return end(v4, "saddr", source) + end(v4, "daddr", destination);
  }

  private static List<IpAddress> family(List<IpAddress> addresses, boolean v4) {
    return addresses.stream().filter(address -> address.v4() == v4).toList();
  }

  private static String ports(GuardExemption exemption, String end) {
    return (exemption.protocol() == 6 ? "tcp " : "udp ")
        + end
        + " "
        + list(exemption.ports())
        + " ";
  }

  /** The set of those that an exemption's servers here are open to. */
  private static String clients(GuardExemption exemption) {
    return exemption.joining() ? "clients" : "remote_nodes";
  }

  private void exemptOut(GuardExemption exemption, boolean v4) {
    String ip = v4 ? "ip " : "ip6 ";
    List<IpAddress> remote = family(exemption.remoteServers(), v4);
    if (!remote.isEmpty()) {
      rule(
          FROM_HOST
              + end(v4, "saddr", "local_node")
              + ip
              + "daddr "
              + list(remote)
              + " "
              + ports(exemption, "dport")
              + "ct direction original ",
          GuardCounters.exempt(exemption.name(), "request_out"),
          PASSES);
    }
    List<IpAddress> local = family(exemption.localServers(), v4);
    if (!local.isEmpty()) {
      rule(
          FROM_HOST
              + ip
              + "saddr "
              + list(local)
              + " "
              + end(v4, "daddr", clients(exemption))
              + ports(exemption, "sport")
              + "ct direction reply ",
          GuardCounters.exempt(exemption.name(), "reply_out"),
          PASSES);
    }
  }

  /**
   * Marks an exempt packet, so that reverse-path filtering looks for the way back on the underlay:
   * because of rules with {@code iif lo} the kernel ignores ports in that look-up, and without
   * ports the way back leads into the tunnel. The mark lets nothing pass.
   */
  private void exemptIn(GuardExemption exemption, boolean v4) {
    String ip = v4 ? "ip " : "ip6 ";
    List<IpAddress> local = family(exemption.localServers(), v4);
    if (!local.isEmpty()) {
      rule(
          end(v4, "saddr", clients(exemption))
              + ip
              + "daddr "
              + list(local)
              + " "
              + ports(exemption, "dport")
              + "ct direction original "
              + set(guard.bypass()),
          GuardCounters.exempt(exemption.name(), "request_in"),
          "accept");
    }
    List<IpAddress> remote = family(exemption.remoteServers(), v4);
    if (!remote.isEmpty()) {
      // The last match keeps out answers to a pod that got this node's address by translation.
      rule(
          ip
              + "saddr "
              + list(remote)
              + " "
              + end(v4, "daddr", "local_node")
              + ports(exemption, "sport")
              + "ct direction reply ct original "
              + end(v4, "saddr", "local_node")
              + set(guard.bypass()),
          GuardCounters.exempt(exemption.name(), "reply_in"),
          "accept");
    }
  }

  /** One rule settles most packets: those whose destination is the one on the wire. */
  private void translatedAt(String hook) {
    open("translated_" + hook, "filter", hook, 300);
    line("ct status dnat ct direction original goto translated");
    close();
  }

  private void translated() {
    open("translated");
    line("iifname " + names(List.of("lo", guard.tunnel())) + " accept");
    for (boolean v4 : FAMILIES) {
      line("meta nfproto ipv" + family(v4) + " goto translated" + family(v4));
    }
    close();
  }

  /** Packets whose destination was translated to an address of the cluster. */
  private void translated(boolean v4) {
    open("translated" + family(v4));
    line(matches(guard.overlay().mark()) + "accept");
    rule(between(v4, "foreign", "cluster"), TRANSLATED_IN, strictIn());
    if (!guard.underlay().isEmpty()) {
      String fromWire = "iifname " + names(guard.underlay()) + " ";
      rule(fromWire + between(v4, "cluster", "cluster"), TRANSLATED_IN, strictIn());
    }
    close();
  }

  /**
   * Decides the source of packets into the tunnel; the first chain that translates a connection
   * does. Masquerading would give a pod its node's address, and its packets would look like exempt
   * host traffic. It would give others the address of the tunnel's device or of the first device
   * that has one, and the other nodes take only this node's addresses.
   */
  private void source() {
    open("source", "nat", "postrouting", 90);
    String out = "oifname \"" + guard.tunnel() + "\" ";
    for (boolean v4 : FAMILIES) {
      String ip = v4 ? "ip" : "ip6";
      for (String own : List.of("local_pods", "local_node")) {
        line(out + end(v4, "saddr", own) + "snat " + ip + " to " + ip + " saddr");
      }
      // A client from elsewhere whose packets a service translated to a pod of another node.
      for (IpAddress source : family(guard.sources(), v4)) {
        String translated = "meta nfproto ipv" + (v4 ? "4 " : "6 ") + "ct status dnat ";
        line(out + translated + "snat " + ip + " to " + source);
      }
    }
    close();
  }

  private void clampMss() {
    open("clamp_mss", "filter", "forward", -150);
    if (guard.clampMss()) {
      line(
          "oifname \""
              + guard.tunnel()
              + "\" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu");
    }
    close();
  }
}
