package dev.culvert.routing;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Whose a range is, and what becomes of packets to it, worked out when the classifier is built.
 *
 * @param node index into the map's nodes, or -1: nobody's, in the cluster's own ranges
 * @param address whether it is a node's own address
 * @param fromPod what becomes of a packet from one of this node's pods
 * @param fromNode what becomes of one from this node itself
 * @param exempt the exemptions that it is a server of; none for pods and for this node
 */
record Owner(
    int node, boolean address, Verdict fromPod, Verdict fromNode, List<ExemptPorts> exempt) {

  /** One exemption in a form that is quick to ask. */
  record ExemptPorts(int protocol, List<PortRange> ports, Verdict.Bypass verdict) {
    // By index: an iterator would be an object a packet.
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
