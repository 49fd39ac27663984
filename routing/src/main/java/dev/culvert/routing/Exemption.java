// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.util.List;

/**
 * Traffic between hosts that may leave in clear, since a node needs it before it has working keys.
 * Traffic of pods is never exempt.
 *
 * @param name the exemption's name in counters and messages: lowercase letters, digits and dashes
 * @param servers the nodes that listen
 * @param protocol {@link IpProtocol#TCP} or {@link IpProtocol#UDP}
 * @param ports that they listen on
 * @param joining whether the clients are not only known nodes, but all addresses of {@link
 *     ClusterMap#joining} too: a node needs these ports before it can be known
 */
public record Exemption(
    String name, NodeSelector servers, int protocol, List<PortRange> ports, boolean joining) {

  public Exemption {
    if (!name.matches("[a-z0-9][a-z0-9-]{0,31}")) {
      throw new IllegalArgumentException("not a name for an exemption: " + name);
    }
    if (protocol != IpProtocol.TCP && protocol != IpProtocol.UDP) {
      throw new IllegalArgumentException(name + ": exempt is TCP or UDP, not " + protocol);
    }
    ports = List.copyOf(ports);
    if (ports.isEmpty()) {
      throw new IllegalArgumentException(name + ": no ports are exempt");
    }
  }

  /** An exemption between known nodes. */
  public Exemption(String name, NodeSelector servers, int protocol, List<PortRange> ports) {
    this(name, servers, protocol, ports, false);
  }
}
