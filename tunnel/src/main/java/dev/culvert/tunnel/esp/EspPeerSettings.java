// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The settings of one peer for engine and keying.
 *
 * @param name unique among the peers; shown in events and status
 * @param localNode our node's address as both ends name it, which goes into derived keys
 * @param remoteNode the peer's node address as both ends name it
 * @param endpoint the peer's address and port on the underlay, until packets from elsewhere prove
 *     another. Packets from its address are the peer's; the UDP port may change behind a NAT
 * @param otherAddresses further addresses of the peer, through other uplinks. Packets from these
 *     are the peer's too; packets from all other addresses are refused
 * @param selectors the traffic that goes through the tunnel. If several peers' remote prefixes hold
 *     an address, the longest prefix decides
 * @param binding the part of the selectors that each SA is for
 * @param keepaliveSeconds interval without a packet to the peer after which a NAT keepalive is sent
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

  /** The traffic of each SA, which goes into its key if keys are derived. */
  public enum Binding {
    /**
     * One pair of SAs for exactly these selectors: with other selectors the peer begins anew with
     * other keys.
     */
    SELECTORS,

    /**
     * One pair of SAs for all traffic between the two nodes, as Cilium's policy {@code subnet}. The
     * selectors limit the traffic that may pass now; they may change while the SAs live, and need
     * not change at both ends at once.
     */
    NODES,

    /**
     * Like {@link #NODES}, but with one SA each way for every prefix behind the receiver, which
     * carries packets to that prefix only: Cilium's policy {@code endpoint}. If a node names pods
     * by their addresses, that is one SA per pod.
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

  void save(StateWriter out) {
    out.text(name).address(localNode).address(remoteNode).endpoint(endpoint);
    selectors.save(out);
    out.text(binding.name()).int32(keepaliveSeconds).list(otherAddresses, out::address);
  }

  static EspPeerSettings read(StateReader in) throws StateException {
    return KeyingState.checked(
        () ->
            new EspPeerSettings(
                in.text(),
                in.address(),
                in.address(),
                in.endpoint(),
                Selectors.read(in),
                Binding.valueOf(in.text()),
                in.int32(),
                in.list(in::address)));
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
   * The endpoint for a hello, or null for the peer's last known one: every second attempt goes to
   * one of its other addresses.
   *
   * @param attempt number of the attempt, from 0
   */
  public @Nullable Endpoint helloTo(int attempt) {
    int others = otherAddresses.size();
    return attempt % 2 == 0 || others == 0
        ? null
        : Endpoint.of(otherAddresses.get(attempt / 2 % others), endpoint.port());
  }

  /** The selectors that both ends have to agree on, which go into keys. */
  public Selectors agreed() {
    return binding == Binding.SELECTORS ? selectors : Selectors.ANY;
  }

  /** The selectors of each outbound SA. */
  public List<Selectors> outbound() {
    return binding == Binding.ENDPOINTS
        ? selectors.remote().stream()
            .map(prefix -> new Selectors(Selectors.ANY.local(), List.of(prefix)))
            .toList()
        : List.of(agreed());
  }

  /** The selectors of each inbound SA. */
  public List<Selectors> inbound() {
    return binding == Binding.ENDPOINTS
        ? selectors.local().stream()
            .map(prefix -> new Selectors(List.of(prefix), Selectors.ANY.remote()))
            .toList()
        : List.of(agreed());
  }

  /** Whether keys made for {@code other} may be used for this peer. */
  public boolean sharesKeysWith(EspPeerSettings other) {
    return localNode.equals(other.localNode)
        && remoteNode.equals(other.remoteNode)
        && binding == other.binding
        && agreed().equals(other.agreed());
  }

  /**
   * Whether a peer with the settings {@code other} can take these settings and keep its SAs: only
   * the traffic that passes now and the other addresses may differ.
   */
  public boolean continues(EspPeerSettings other) {
    return name.equals(other.name)
        && endpoint.equals(other.endpoint)
        && keepaliveSeconds == other.keepaliveSeconds
        && sharesKeysWith(other);
  }
}
