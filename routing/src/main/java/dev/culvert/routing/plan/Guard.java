// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Mark;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.TrafficClass;
import java.util.List;
import java.util.Set;

/**
 * The packets that must not leave or enter this node in clear, on any device but the tunnel's and
 * loopback. {@link GuardText} turns this into nftables text. Ranges within one list do not overlap.
 * A node's address counts as a node's even if a list of pods covers it.
 *
 * @param underlay devices that lead to the other nodes: packets from this node's own addresses
 *     never arrive there
 * @param physical devices that packets leave this host through, which the guard's second layer
 *     watches
 * @param podless devices behind which no pod of this node is, unless they are bridges: packets to
 *     its pods never leave through them
 * @param tunnel the tunnel's device
 * @param localNode this node's addresses
 * @param sources the addresses that this node's own packets into the tunnel carry, one per family
 * @param localPods pod ranges of this node
 * @param remoteNodes the other nodes' addresses
 * @param clients the other nodes' addresses and those at which a node may be that is not known yet;
 *     none if no exemption asks for them
 * @param remotePods pod ranges of the other nodes
 * @param cluster all of these addresses and ranges, and the cluster's own ranges
 * @param foreign the ranges of the cluster that are not this node's; the tunnel is the only way to
 *     them
 * @param outer the signs of the tunnel's own packets
 * @param bypass the mark of packets that leave in clear on purpose; the guard counts them, and the
 *     mark lets nothing pass
 * @param overlay the signs of a network plugin's overlay
 * @param exemptions host traffic that may pass
 * @param inClear the classes that the policy leaves in clear
 * @param egress whether leaving packets are dropped
 * @param ingress whether arriving packets are dropped
 * @param clampMss whether TCP through the tunnel is told the tunnel's segment size
 */
public record Guard(
    List<String> underlay,
    List<String> physical,
    List<String> podless,
    String tunnel,
    List<Prefix> localNode,
    List<IpAddress> sources,
    List<Prefix> localPods,
    List<Prefix> remoteNodes,
    List<Prefix> clients,
    List<Prefix> remotePods,
    List<Prefix> cluster,
    List<Prefix> foreign,
    OuterHeaders outer,
    Mark bypass,
    Overlay overlay,
    List<GuardExemption> exemptions,
    Set<TrafficClass> inClear,
    boolean egress,
    boolean ingress,
    boolean clampMss) {
  public Guard {
    underlay = List.copyOf(underlay);
    physical = List.copyOf(physical);
    podless = List.copyOf(podless);
    localNode = List.copyOf(localNode);
    sources = List.copyOf(sources);
    localPods = List.copyOf(localPods);
    remoteNodes = List.copyOf(remoteNodes);
    clients = List.copyOf(clients);
    remotePods = List.copyOf(remotePods);
    cluster = List.copyOf(cluster);
    foreign = List.copyOf(foreign);
    exemptions = List.copyOf(exemptions);
    inClear = Set.copyOf(inClear);
  }

  /** Whether this guard has the rules of another one, if perhaps with other ranges. */
  public boolean hasRulesOf(Guard other) {
    return withoutRanges().equals(other.withoutRanges());
  }

  private Guard withoutRanges() {
    return new Guard(
        underlay,
        physical,
        podless,
        tunnel,
        List.of(),
        sources,
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        outer,
        bypass,
        overlay,
        exemptions,
        inClear,
        egress,
        ingress,
        clampMss);
  }
}
