package dev.culvert.routing.plan;

import dev.culvert.routing.Mark;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.TrafficClass;
import java.util.List;
import java.util.Set;

/**
 * What may not cross the underlay in clear, as one nftables table; {@link GuardText} says it in
 * nftables' words. Ranges within one list do not overlap. A node's address counts as a node's even
 * where a list of pods covers it.
 *
 * @param underlay devices that it watches; it looks at no other
 * @param tunnel the tunnel's device
 * @param localNode this node's addresses
 * @param localPods pod ranges of this node
 * @param remoteNodes the other nodes' addresses
 * @param remotePods pod ranges of the other nodes
 * @param cluster all of those and the cluster's own ranges
 * @param encapsulation how the tunnel's packets are known
 * @param bypass the mark of what the gateway sends in clear; it opens nothing, and is counted
 * @param exemptions host traffic that may pass
 * @param inClear the classes that the policy leaves in clear
 * @param egress whether what leaves is dropped
 * @param ingress whether what arrives is dropped
 * @param clampMss whether TCP through the tunnel is told the tunnel's segment size
 */
public record Guard(
    List<String> underlay,
    String tunnel,
    List<Prefix> localNode,
    List<Prefix> localPods,
    List<Prefix> remoteNodes,
    List<Prefix> remotePods,
    List<Prefix> cluster,
    Encapsulation encapsulation,
    Mark bypass,
    List<GuardExemption> exemptions,
    Set<TrafficClass> inClear,
    boolean egress,
    boolean ingress,
    boolean clampMss) {
  public Guard {
    underlay = List.copyOf(underlay);
    localNode = List.copyOf(localNode);
    localPods = List.copyOf(localPods);
    remoteNodes = List.copyOf(remoteNodes);
    remotePods = List.copyOf(remotePods);
    cluster = List.copyOf(cluster);
    exemptions = List.copyOf(exemptions);
    inClear = Set.copyOf(inClear);
  }
}
