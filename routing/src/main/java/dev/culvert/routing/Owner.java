// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The owner of a range and the verdicts on packets to it, worked out when the classifier is built.
 *
 * @param node index into the map's nodes, or -1 for a range of the cluster that no node owns
 * @param address whether the range is a node's own address
 * @param fromPod the verdict on a packet from one of this node's pods
 * @param fromNode the verdict on a packet from this node itself
 * @param exempt the exemptions that the owner serves; none for pods and for this node
 * @param replies the exemptions that this node serves to the owner; none for pods and for this node
 */
record Owner(
    int node,
    boolean address,
    Verdict fromPod,
    Verdict fromNode,
    List<ExemptPorts> exempt,
    List<ExemptPorts> replies) {

  /** The owner of a range to which nothing is exempt. */
  Owner(int node, boolean address, Verdict fromPod, Verdict fromNode) {
    this(node, address, fromPod, fromNode, List.of(), List.of());
  }

  /** One exemption in a form for quick look-ups. */
  record ExemptPorts(int protocol, List<PortRange> ports, Verdict.Bypass verdict) {
    // By index, since an iterator would allocate one object per packet.
    private boolean contains(int port) {
      for (int i = 0; i < ports.size(); i++) {
        if (ports.get(i).contains(port)) {
          return true;
        }
      }
      return false;
    }
  }

  /** The first exemption of {@code servers} that holds this protocol and server port, or null. */
  static Verdict.@Nullable Bypass exempt(List<ExemptPorts> servers, int protocol, int port) {
    for (int i = 0; i < servers.size(); i++) {
      ExemptPorts ports = servers.get(i);
      if (ports.protocol == protocol && ports.contains(port)) {
        return ports.verdict;
      }
    }
    return null;
  }
}
