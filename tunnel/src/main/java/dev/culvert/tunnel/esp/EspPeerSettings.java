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
 */
public record EspPeerSettings(
    String name,
    IpAddress localNode,
    IpAddress remoteNode,
    Endpoint endpoint,
    Selectors selectors) {}
