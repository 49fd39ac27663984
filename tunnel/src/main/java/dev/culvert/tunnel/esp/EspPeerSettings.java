package dev.culvert.tunnel.esp;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;

/**
 * One peer, as engine and keying both have to know it.
 *
 * @param name unique among the peers; what events and status say
 * @param localNode our node's address as both ends name it: it goes into derived keys
 * @param remoteNode the peer's node address as both ends name it
 * @param endpoint where the peer is on the underlay. Packets from its address are the peer's; the
 *     UDP port may move behind a NAT, the address not
 * @param selectors what goes through the tunnel. Of several peers the one with the longest remote
 *     prefix owns an address
 * @param keepaliveSeconds after how long without a packet to the peer a NAT's mapping is kept alive
 *     (RFC 3948 section 4): 0 for never, at most 65535
 */
public record EspPeerSettings(
    String name,
    IpAddress localNode,
    IpAddress remoteNode,
    Endpoint endpoint,
    Selectors selectors,
    int keepaliveSeconds) {
  private static final int MAX_KEEPALIVE_SECONDS = 65_535;

  public EspPeerSettings {
    if (keepaliveSeconds < 0 || keepaliveSeconds > MAX_KEEPALIVE_SECONDS) {
      throw new IllegalArgumentException(
          "keepalive of " + name + " is not 0 to 65535: " + keepaliveSeconds);
    }
  }

  /** A peer with no NAT on the way, or with a keying that keeps its mapping alive. */
  public EspPeerSettings(
      String name,
      IpAddress localNode,
      IpAddress remoteNode,
      Endpoint endpoint,
      Selectors selectors) {
    this(name, localNode, remoteNode, endpoint, selectors, 0);
  }
}
