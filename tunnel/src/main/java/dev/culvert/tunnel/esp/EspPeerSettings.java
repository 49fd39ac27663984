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
 * @param binding what of the selectors the SAs are for
 */
public record EspPeerSettings(
    String name,
    IpAddress localNode,
    IpAddress remoteNode,
    Endpoint endpoint,
    Selectors selectors,
    Binding binding) {
  /** What SAs are for, which goes into their keys where keys are derived. */
  public enum Binding {
    /** One pair for exactly these selectors: with others it is another peer, with other keys. */
    SELECTORS,

    /**
     * One pair for all between the two nodes. The selectors say what of it passes now; they may
     * change while the SAs go on, and need not change at both ends at once.
     */
    NODES
  }

  /** A peer whose SAs are for these selectors alone. */
  public EspPeerSettings(
      String name,
      IpAddress localNode,
      IpAddress remoteNode,
      Endpoint endpoint,
      Selectors selectors) {
    this(name, localNode, remoteNode, endpoint, selectors, Binding.SELECTORS);
  }

  /** What both ends have to agree on, so that it goes into keys. */
  public Selectors agreed() {
    return binding == Binding.SELECTORS ? selectors : Selectors.ANY;
  }

  /** Whether keys made for {@code other} are good for this one. */
  public boolean sharesKeysWith(EspPeerSettings other) {
    return localNode.equals(other.localNode)
        && remoteNode.equals(other.remoteNode)
        && binding == other.binding
        && agreed().equals(other.agreed());
  }

  /** Whether all that {@code other} has can go on: only what passes now may differ. */
  public boolean continues(EspPeerSettings other) {
    return name.equals(other.name) && endpoint.equals(other.endpoint) && sharesKeysWith(other);
  }
}
