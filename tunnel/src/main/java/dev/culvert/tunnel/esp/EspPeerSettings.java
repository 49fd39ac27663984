package dev.culvert.tunnel.esp;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One peer, as engine and keying both have to know it.
 *
 * @param name unique among the peers; what events and status say
 * @param localNode our node's address as both ends name it: it goes into derived keys
 * @param remoteNode the peer's node address as both ends name it
 * @param endpoint where the peer is on the underlay, until it is heard elsewhere. Packets from its
 *     address are the peer's; the UDP port may move behind a NAT
 * @param otherAddresses where the peer may be as well, through another uplink: packets from there
 *     are the peer's too, from any further address nobody's
 * @param selectors what goes through the tunnel. Of several peers the one with the longest remote
 *     prefix owns an address
 * @param binding what of the selectors the SAs are for
 * @param keepaliveSeconds after how long without a packet to the peer a NAT's mapping is kept alive
 *     (RFC 3948 section 4): 0 for never, at most 65535
 */
public record EspPeerSettings(
    String name,
    IpAddress localNode,
    IpAddress remoteNode,
    Endpoint endpoint,
    Selectors selectors,
    Binding binding,
    int keepaliveSeconds,
    List<IpAddress> otherAddresses) {
  private static final int MAX_KEEPALIVE_SECONDS = 65_535;

  /** What SAs are for, which goes into their keys where keys are derived. */
  public enum Binding {
    /** One pair for exactly these selectors: with others it is another peer, with other keys. */
    SELECTORS,

    /**
     * One pair for all between the two nodes, as Cilium's policy {@code subnet}. The selectors say
     * what of it passes now; they may change while the SAs go on, and need not change at both ends
     * at once.
     */
    NODES,

    /**
     * As {@link #NODES}, but one SA each way for every prefix behind its receiver, whose packets
     * alone it carries: Cilium's policy {@code endpoint}. If a node names pods by their addresses,
     * that is one SA per pod.
     */
    ENDPOINTS
  }

  public EspPeerSettings {
    if (keepaliveSeconds < 0 || keepaliveSeconds > MAX_KEEPALIVE_SECONDS) {
      throw new IllegalArgumentException(
          "keepalive of " + name + " is not 0 to 65535: " + keepaliveSeconds);
    }
    IpAddress configured = endpoint.address();
    otherAddresses =
        otherAddresses.stream().distinct().filter(other -> !other.equals(configured)).toList();
  }

  /** A peer at its endpoint's address and no other. */
  public EspPeerSettings(
      String name,
      IpAddress localNode,
      IpAddress remoteNode,
      Endpoint endpoint,
      Selectors selectors,
      Binding binding,
      int keepaliveSeconds) {
    this(name, localNode, remoteNode, endpoint, selectors, binding, keepaliveSeconds, List.of());
  }

  /** A peer whose SAs are for these selectors alone, with no NAT on the way. */
  public EspPeerSettings(
      String name,
      IpAddress localNode,
      IpAddress remoteNode,
      Endpoint endpoint,
      Selectors selectors) {
    this(name, localNode, remoteNode, endpoint, selectors, Binding.SELECTORS, 0);
  }

  /** Whether packets from this address are the peer's. */
  public boolean isAt(IpAddress address) {
    return address.equals(endpoint.address()) || otherAddresses.contains(address);
  }

  /** All addresses whose packets are the peer's, its endpoint's first. */
  public List<IpAddress> addresses() {
    return Stream.concat(Stream.of(endpoint.address()), otherAddresses.stream()).toList();
  }

  /**
   * Where to say hello, or null for where the peer was heard last: each second time that it does
   * not answer, where it may be as well.
   *
   * @param attempt from 0
   */
  public @Nullable Endpoint helloTo(int attempt) {
    int others = otherAddresses.size();
    return attempt % 2 == 0 || others == 0
        ? null
        : Endpoint.of(otherAddresses.get(attempt / 2 % others), endpoint.port());
  }

  /** What both ends have to agree on, so that it goes into keys. */
  public Selectors agreed() {
    return binding == Binding.SELECTORS ? selectors : Selectors.ANY;
  }

  /** What each of the SAs is for that are sent under. */
  public List<Selectors> outbound() {
    return binding == Binding.ENDPOINTS
        ? selectors.remote().stream()
            .map(prefix -> new Selectors(Selectors.ANY.local(), List.of(prefix)))
            .toList()
        : List.of(agreed());
  }

  /** What each of the SAs is for that are received under. */
  public List<Selectors> inbound() {
    return binding == Binding.ENDPOINTS
        ? selectors.local().stream()
            .map(prefix -> new Selectors(List.of(prefix), Selectors.ANY.remote()))
            .toList()
        : List.of(agreed());
  }

  /** Whether keys made for {@code other} are good for this one. */
  public boolean sharesKeysWith(EspPeerSettings other) {
    return localNode.equals(other.localNode)
        && remoteNode.equals(other.remoteNode)
        && binding == other.binding
        && agreed().equals(other.agreed());
  }

  /**
   * Whether all that {@code other} has can go on: only what passes now may differ, and where else
   * the peer may be.
   */
  public boolean continues(EspPeerSettings other) {
    return name.equals(other.name)
        && endpoint.equals(other.endpoint)
        && keepaliveSeconds == other.keepaliveSeconds
        && sharesKeysWith(other);
  }
}
