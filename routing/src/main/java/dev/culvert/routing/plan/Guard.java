package dev.culvert.routing.plan;

import dev.culvert.routing.Mark;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.TrafficClass;
import java.util.List;
import java.util.Set;

/**
 * What may not leave or enter this node in clear, on any device but the tunnel's and loopback;
 * {@link GuardText} says it in nftables' words. Ranges within one list do not overlap. A node's
 * address counts as a node's even if a list of pods covers it.
 *
 * @param underlay devices that lead to the other nodes: nothing of this node's own comes from there
 * @param physical devices that packets leave this host through, on which its second layer lies
 * @param tunnel the tunnel's device
 * @param localNode this node's addresses
 * @param localPods pod ranges of this node
 * @param remoteNodes the other nodes' addresses
 * @param remotePods pod ranges of the other nodes
 * @param cluster all of those and the cluster's own ranges
 * @param foreign what of the cluster is not this node's own: it is reached through the tunnel alone
 * @param encapsulation how the tunnel's packets are known
 * @param bypass the mark of what goes in clear on purpose; it opens nothing here, and is counted
 * @param overlay how a network plugin's overlay is known
 * @param exemptions host traffic that may pass
 * @param inClear the classes that the policy leaves in clear
 * @param egress whether what leaves is dropped
 * @param ingress whether what arrives is dropped
 * @param clampMss whether TCP through the tunnel is told the tunnel's segment size
 */
public record Guard(
    List<String> underlay,
    List<String> physical,
    String tunnel,
    List<Prefix> localNode,
    List<Prefix> localPods,
    List<Prefix> remoteNodes,
    List<Prefix> remotePods,
    List<Prefix> cluster,
    List<Prefix> foreign,
    Encapsulation encapsulation,
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
    localNode = List.copyOf(localNode);
    localPods = List.copyOf(localPods);
    remoteNodes = List.copyOf(remoteNodes);
    remotePods = List.copyOf(remotePods);
    cluster = List.copyOf(cluster);
    foreign = List.copyOf(foreign);
    exemptions = List.copyOf(exemptions);
    inClear = Set.copyOf(inClear);
  }
}
