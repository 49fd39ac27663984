// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.PortRange;
import java.util.List;

/**
 * Host traffic that may cross the underlay in clear, in up to four forms: a request to a remote
 * server and its reply here, a request to a server here and its reply.
 *
 * @param name the exemption's name, and the first part of its counters' names
 * @param protocol 6 (TCP) or 17 (UDP)
 * @param ports the server's ports
 * @param localServers addresses of this node if it is a server, else none
 * @param remoteServers addresses of the other nodes that are servers
 * @param joining whether the clients of the local servers are {@link Guard#clients}, not only the
 *     other nodes
 */
public record GuardExemption(
    String name,
    int protocol,
    List<PortRange> ports,
    List<IpAddress> localServers,
    List<IpAddress> remoteServers,
    boolean joining) {
  public GuardExemption {
    ports = List.copyOf(ports);
    localServers = List.copyOf(localServers);
    remoteServers = List.copyOf(remoteServers);
  }
}
