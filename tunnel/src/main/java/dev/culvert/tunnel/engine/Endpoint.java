// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import dev.culvert.routing.IpAddress;
import org.jspecify.annotations.Nullable;

/**
 * A peer's address on the underlay, and the source of our answers to it: one immutable value,
 * published with one store.
 *
 * @param address the peer's address
 * @param port the peer's UDP port, 1 to 65535
 * @param scope interface index of a link-local IPv6 address, else 0
 * @param source the local address that the peer last reached (sticky source, {@code IP_PKTINFO}),
 *     or null to let the kernel choose
 * @param sourceInterface index of the interface on which the peer's packets arrived, or 0. Packets
 *     leave by the route's interface; the source is kept while the two are the same
 */
public record Endpoint(
    IpAddress address, int port, int scope, @Nullable IpAddress source, int sourceInterface)
    implements DatagramSource {
  public Endpoint {
    if (port < 1 || port > 65_535) {
      throw new IllegalArgumentException("port " + port);
    }
  }

  /** An endpoint that was configured, not learnt: no source yet. */
  public static Endpoint of(IpAddress address, int port) {
    return new Endpoint(address, port, 0, null, 0);
  }

  /** The same peer, with the choice of source left to the kernel. */
  public Endpoint withoutSource() {
    return source == null ? this : new Endpoint(address, port, scope, null, 0);
  }

  @Override
  public boolean v4() {
    return address.v4();
  }

  @Override
  public long high() {
    return address.high();
  }

  @Override
  public long low() {
    return address.low();
  }

  @Override
  public Endpoint endpoint() {
    return this;
  }

  /** Whether both are one remote socket, regardless of the local address. */
  public boolean isSamePlace(@Nullable Endpoint other) {
    return other != null
        && port == other.port
        && scope == other.scope
        && address.equals(other.address);
  }

  /**
   * {@code 192.0.2.1:51820}, {@code [2001:db8::1]:51820}, {@code [fe80::1%2]:51820}: numeric, in
   * the form that {@code wg} reads.
   */
  @Override
  public String toString() {
    if (address.v4()) {
      return address + ":" + port;
    }
    String zone = scope != 0 && address.isLinkLocalV6() ? "%" + scope : "";
    return "[" + address + zone + "]:" + port;
  }
}
