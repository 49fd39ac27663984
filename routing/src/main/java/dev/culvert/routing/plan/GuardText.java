package dev.culvert.routing.plan;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Mark;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.TrafficClass;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The guard in nftables' words: one transaction for {@code nft -f -}, that makes or replaces {@code
 * table inet culvert} and keeps its counters, and {@code table arp culvert}, which drops nothing.
 * Good for one text.
 *
 * <p>What leaves is judged last of all in postrouting, after every translation of addresses, and
 * what arrives before any, so that what counts is what is on the wire. A packet that was forwarded
 * has an input device there; {@code iif 0} means that this host itself made it.
 */
public final class GuardText {
  /** The table's name, of family inet. */
  public static final String TABLE = "culvert";

  private static final String ARP_REMOVAL =
      "table arp " + TABLE + "\ndelete table arp " + TABLE + "\n";

  private static final String FROM_HOST = "meta iif 0 ";
  private static final int ELEMENTS_A_LINE = 4096;

  private final Guard guard;
  private final Set<String> counters = new LinkedHashSet<>();
  private final List<String> chains = new ArrayList<>();

  private GuardText(Guard guard) {
    this.guard = guard;
  }

  public static String of(Guard guard) {
    return new GuardText(guard).text();
  }

  /** The guard taken away, whether it stands or not. */
  public static String removal() {
    return "table inet " + TABLE + "\ndelete table inet " + TABLE + "\n" + ARP_REMOVAL;
  }

  private String text() {
    egress();
    ingress();
    translated("forward");
    translated("input");
    keepSource();
    clampMss();
    StringBuilder text = new StringBuilder();
    text.append("table inet ").append(TABLE).append('\n');
    text.append("flush table inet ").append(TABLE).append('\n');
    text.append("table inet ").append(TABLE).append(" {\n");
    counters.forEach(name -> text.append("  counter ").append(name).append(" { }\n"));
    for (boolean v4 : new boolean[] {true, false}) {
      for (AddressSet set : sets()) {
        text.append(
            "  set %s { type %s; flags interval; }\n"
                .formatted(set.name(v4), v4 ? "ipv4_addr" : "ipv6_addr"));
      }
    }
    text.append("}\n");
    for (boolean v4 : new boolean[] {true, false}) {
      sets().forEach(set -> elements(text, set, v4));
    }
    text.append("table inet ").append(TABLE).append(" {\n");
    chains.forEach(line -> text.append("  ").append(line).append('\n'));
    return text.append("}\n").append(addressResolution()).toString();
  }

  /**
   * ARP is asked for the way back as well, under strict reverse-path filtering, and that leads into
   * the tunnel: without the mark no node would answer another. It has a family of its own.
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
            .formatted(table, devices(), set(guard.encapsulation().mark()).strip());
  }

  private record AddressSet(String base, List<Prefix> prefixes) {
    String name(boolean v4) {
      return base + (v4 ? 4 : 6);
    }
  }

  private List<AddressSet> sets() {
    return List.of(
        new AddressSet("local_node", guard.localNode()),
        new AddressSet("local_pods", guard.localPods()),
        new AddressSet("remote_nodes", guard.remoteNodes()),
        new AddressSet("remote_pods", guard.remotePods()),
        new AddressSet("cluster", guard.cluster()));
  }

  private static void elements(StringBuilder text, AddressSet set, boolean v4) {
    String name = "inet " + TABLE + " " + set.name(v4);
    text.append("flush set ").append(name).append('\n');
    List<Prefix> prefixes =
        set.prefixes().stream().filter(prefix -> prefix.address().v4() == v4).toList();
    for (int from = 0; from < prefixes.size(); from += ELEMENTS_A_LINE) {
      List<Prefix> some = prefixes.subList(from, Math.min(prefixes.size(), from + ELEMENTS_A_LINE));
      text.append("add element ").append(name).append(' ').append(list(some)).append('\n');
    }
  }

  private static String list(List<?> values) {
    return values.stream().map(Object::toString).collect(Collectors.joining(", ", "{ ", " }"));
  }

  private String devices() {
    return guard.underlay().stream()
        .map(device -> '"' + device + '"')
        .collect(Collectors.joining(", ", "{ ", " }"));
  }

  /** Where no way to another node is known, nothing can leave for one. */
  private void onlyUnderlay(String key) {
    boolean none = guard.underlay().isEmpty();
    chains.add(none ? "  accept" : "  " + key + " != " + devices() + " accept");
  }

  private void open(String chain, String type, String hook, int priority) {
    chains.add("chain " + chain + " {");
    chains.add("  type " + type + " hook " + hook + " priority " + priority + "; policy accept;");
  }

  private void close() {
    chains.add("}");
  }

  private void rule(String match, String counter, String verdict) {
    counters.add(counter);
    chains.add("  " + match + "counter name " + counter + (verdict.isEmpty() ? "" : " ") + verdict);
  }

  private static String matches(Mark mark) {
    return "meta mark & 0x%08x == 0x%08x ".formatted(mark.mask(), mark.value());
  }

  private static String set(Mark mark) {
    return "meta mark set meta mark & 0x%08x | 0x%08x ".formatted(~mark.mask(), mark.value());
  }

  private List<String> carriers(String end) {
    String udp = "udp " + end + " " + guard.encapsulation().udpPort() + " ";
    return guard.encapsulation().rawEsp() ? List.of("meta l4proto esp ", udp) : List.of(udp);
  }

  private void egress() {
    open("egress", "filter", "postrouting", 300);
    onlyUnderlay("oifname");
    Encapsulation encapsulation = guard.encapsulation();
    for (String carrier : carriers("sport")) {
      rule(FROM_HOST + matches(encapsulation.mark()) + carrier, "encapsulation_out", "accept");
    }
    // The kernel's own solicitations carry an input device. What was forwarded has no 255 left.
    rule("icmpv6 type 133-137 ip6 hoplimit 255 ", "neighbour_discovery_out", "accept");
    rule(matches(guard.bypass()), "bypass_out", "");
    for (boolean v4 : new boolean[] {true, false}) {
      guard.exemptions().forEach(exemption -> exemptOut(exemption, v4));
      for (TrafficClass traffic : TrafficClass.values()) {
        // A translated pod has a node's address on the wire, and still is no node.
        String origin = traffic.fromNode() && inClear(traffic) ? FROM_HOST : "";
        classRule(
            traffic,
            origin + between(v4, local(traffic.fromNode()), remote(traffic.toNode())),
            "out",
            guard.egress());
      }
      rule(between(v4, "cluster", "cluster"), "unknown_out", guard.egress() ? "drop" : "");
    }
    close();
  }

  private void ingress() {
    open("ingress", "filter", "prerouting", -150);
    onlyUnderlay("iifname");
    Encapsulation encapsulation = guard.encapsulation();
    for (String carrier : carriers("dport")) {
      rule(
          "fib daddr type local " + carrier + set(encapsulation.mark()),
          "encapsulation_in",
          "accept");
    }
    rule("icmpv6 type 133-137 ip6 hoplimit 255 ", "neighbour_discovery_in", "accept");
    for (boolean v4 : new boolean[] {true, false}) {
      guard.exemptions().forEach(exemption -> exemptIn(exemption, v4));
      for (TrafficClass traffic : TrafficClass.values()) {
        classRule(
            traffic,
            between(v4, remote(traffic.fromNode()), local(traffic.toNode())),
            "in",
            guard.ingress());
      }
      String verdict = guard.ingress() ? "drop" : "";
      rule(between(v4, "cluster", "cluster"), "unknown_in", verdict);
      rule(
          (v4 ? "ip saddr @cluster4 " : "ip6 saddr @cluster6 ") + "fib daddr type local ",
          "unknown_in",
          verdict);
    }
    close();
  }

  /** The nodes of a list come before its pods, so that a node in a pod range stays a node. */
  private static String local(boolean node) {
    return node ? "local_node" : "local_pods";
  }

  private static String remote(boolean node) {
    return node ? "remote_nodes" : "remote_pods";
  }

  private boolean inClear(TrafficClass traffic) {
    return guard.inClear().contains(traffic);
  }

  private void classRule(TrafficClass traffic, String match, String direction, boolean strict) {
    String name = traffic.toString().replace('-', '_');
    String verdict = inClear(traffic) ? "accept" : strict ? "drop" : "";
    rule(match, name + "_" + direction, verdict);
  }

  private static String between(boolean v4, String source, String destination) {
    return v4
        ? "ip saddr @%s4 ip daddr @%s4 ".formatted(source, destination)
        : "ip6 saddr @%s6 ip6 daddr @%s6 ".formatted(source, destination);
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

  private static String counter(GuardExemption exemption, String form) {
    return "exempt_" + exemption.name().replace('-', '_') + "_" + form;
  }

  private void exemptOut(GuardExemption exemption, boolean v4) {
    String ip = v4 ? "ip " : "ip6 ";
    String end = v4 ? "4 " : "6 ";
    List<IpAddress> remote = family(exemption.remoteServers(), v4);
    if (!remote.isEmpty()) {
      rule(
          FROM_HOST
              + ip
              + "saddr @local_node"
              + end
              + ip
              + "daddr "
              + list(remote)
              + " "
              + ports(exemption, "dport")
              + "ct direction original ",
          counter(exemption, "request_out"),
          "accept");
    }
    List<IpAddress> local = family(exemption.localServers(), v4);
    if (!local.isEmpty()) {
      rule(
          FROM_HOST
              + ip
              + "saddr "
              + list(local)
              + " "
              + ip
              + "daddr @remote_nodes"
              + end
              + ports(exemption, "sport")
              + "ct direction reply ",
          counter(exemption, "reply_out"),
          "accept");
    }
  }

  /**
   * Marked, so that the way back is sought where it is: rules that say {@code iif lo} do not have
   * the kernel look at ports for reverse-path filtering, and without ports the way back leads into
   * the tunnel. The mark opens nothing.
   */
  private void exemptIn(GuardExemption exemption, boolean v4) {
    String ip = v4 ? "ip " : "ip6 ";
    String end = v4 ? "4 " : "6 ";
    List<IpAddress> local = family(exemption.localServers(), v4);
    if (!local.isEmpty()) {
      rule(
          ip
              + "saddr @remote_nodes"
              + end
              + ip
              + "daddr "
              + list(local)
              + " "
              + ports(exemption, "dport")
              + "ct direction original "
              + set(guard.bypass()),
          counter(exemption, "request_in"),
          "accept");
    }
    List<IpAddress> remote = family(exemption.remoteServers(), v4);
    if (!remote.isEmpty()) {
      // The last match keeps out answers to a pod that was given this node's address.
      rule(
          ip
              + "saddr "
              + list(remote)
              + " "
              + ip
              + "daddr @local_node"
              + end
              + ports(exemption, "sport")
              + "ct direction reply ct original "
              + ip
              + "saddr @local_node"
              + end
              + set(guard.bypass()),
          counter(exemption, "reply_in"),
          "accept");
    }
  }

  /** What was for another address, and is for one of the cluster's since it was translated. */
  private void translated(String hook) {
    open("translated_" + hook, "filter", hook, 300);
    onlyUnderlay("iifname");
    for (boolean v4 : new boolean[] {true, false}) {
      rule(
          "ct status dnat ct direction original " + between(v4, "cluster", "cluster"),
          "translated_in",
          guard.ingress() ? "drop" : "");
    }
    close();
  }

  /**
   * Masquerading would give a pod its node's address on the way into the tunnel, and make it look
   * like exempt host traffic there. The first chain that translates a connection decides.
   */
  private void keepSource() {
    open("keep_source", "nat", "postrouting", 90);
    chains.add("  oifname \"" + guard.tunnel() + "\" ip saddr @local_pods4 snat ip to ip saddr");
    chains.add("  oifname \"" + guard.tunnel() + "\" ip6 saddr @local_pods6 snat ip6 to ip6 saddr");
    close();
  }

  private void clampMss() {
    open("clamp_mss", "filter", "forward", -150);
    if (guard.clampMss()) {
      chains.add(
          "  oifname \""
              + guard.tunnel()
              + "\" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu");
    }
    close();
  }
}
