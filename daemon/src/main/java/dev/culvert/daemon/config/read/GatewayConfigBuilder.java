// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.InterfaceAddress;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.daemon.config.ObservabilityConfig;
import dev.culvert.daemon.config.PeerConfig;
import dev.culvert.daemon.config.Place;
import dev.culvert.daemon.config.Values;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.plan.TunnelMtu;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.port.OffloadModes;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A gateway while its file is read; {@link #build} makes the checks that concern several keys. */
final class GatewayConfigBuilder {
  /** The most nodes that one warning names. */
  private static final int NAMES = 10;

  private final Place place;
  private final Map<String, PeerConfigBuilder> peers = new LinkedHashMap<>();
  private final Map<String, Place> peerPlaces = new HashMap<>();
  private @Nullable Place mtuPlace;
  private int mtu;

  String interfaceName = GatewayConfig.DEFAULT_INTERFACE;
  final List<InterfaceAddress> addresses = new ArrayList<>();
  int listenPort;
  int fwmark;
  int lanes;
  OffloadModes offload = OffloadModes.AUTO;
  boolean routes = true;
  @Nullable KeySource privateKey;
  @Nullable ObservabilityConfig observability;
  final ClusterBuilder cluster = new ClusterBuilder();

  /** Warnings about settings that work but should be changed. */
  final List<String> warnings = new ArrayList<>();

  /**
   * @param place of the whole file
   */
  GatewayConfigBuilder(Place place) {
    this.place = place;
  }

  void mtu(Place at, String text) throws ConfigException {
    mtu = (int) Values.number(at, text, TunnelMtu.SMALLEST, TunnelMtu.LARGEST);
    mtuPlace = at;
  }

  /** Starts a peer that is known by its key. */
  PeerConfigBuilder peer(Given<PublicKey> key) throws ConfigException {
    return add(key.place(), new PeerConfigBuilder(key.value()), "key");
  }

  /** Starts a peer that is known by its name. */
  PeerConfigBuilder namedPeer(Place at, String name) throws ConfigException {
    return add(at, new PeerConfigBuilder(name), "name");
  }

  private PeerConfigBuilder add(Place at, PeerConfigBuilder peer, String by)
      throws ConfigException {
    Place before = peerPlaces.putIfAbsent(peer.name, at);
    if (before != null) {
      throw at.error("the same " + by + " as the peer at " + before.lineText());
    }
    peers.put(peer.name, peer);
    return peer;
  }

  /**
   * The configuration of a gateway that speaks ESP; {@link #namedPeer} was called for its peers.
   */
  GatewayConfig build(EspConfig esp) throws ConfigException {
    return build(esp, List.of());
  }

  /** The configuration of a gateway that speaks WireGuard. */
  GatewayConfig build() throws ConfigException {
    return build(
        new EngineConfig.WireGuard(),
        peers.values().stream().map(PeerConfigBuilder::build).toList());
  }

  private GatewayConfig build(EngineConfig engine, List<PeerConfig> wireGuardPeers)
      throws ConfigException {
    checkOwners();
    checkIpv6FitsMtu();
    if (routes) {
      checkNoDefault();
    }
    return new GatewayConfig(
        interfaceName,
        mtu,
        addresses,
        listenPort,
        fwmark,
        lanes,
        offload,
        routes,
        privateKey == null ? defaultKey() : privateKey,
        cluster.build(place, steered(), addresses),
        wireGuardPeers,
        engine,
        cluster.discovery,
        observability,
        warnings);
  }

  /** The peers whose ranges are steered. */
  private Collection<PeerConfigBuilder> steered() {
    return routes ? peers.values() : List.of();
  }

  private KeySource defaultKey() {
    return new KeySource.InFile(Path.of("/var/lib/culvert", interfaceName, "private.key"), place);
  }

  private void checkOwners() throws ConfigException {
    Map<Prefix, PeerConfigBuilder> owners = new HashMap<>();
    for (PeerConfigBuilder peer : peers.values()) {
      for (Map.Entry<Prefix, Place> range : peer.allowedIps.entrySet()) {
        PeerConfigBuilder owner = owners.putIfAbsent(range.getKey(), peer);
        if (owner != null) {
          throw range
              .getValue()
              .error(
                  range.getKey() + " is owned by two peers: " + owner.name + " and " + peer.name);
        }
      }
    }
  }

  /**
   * Refuses IPv6 with an MTU under 1280: the kernel silently takes IPv6 off such a link. Nodes of
   * the API are another's word, and one of them must not keep the others from changing: their IPv6
   * packets are dropped.
   */
  private void checkIpv6FitsMtu() throws ConfigException {
    if (mtuPlace == null || mtu >= TunnelMtu.SMALLEST_FOR_IPV6) {
      return;
    }
    String tooSmall = mtu + " is less than the 1280 that IPv6 needs";
    List<String> withIpv6 =
        peers.values().stream().filter(GatewayConfigBuilder::hasIpv6).map(p -> p.name).toList();
    boolean own = addresses.stream().anyMatch(a -> !a.address().v4());
    boolean ofApi = cluster.discovery instanceof KubernetesConfig;
    if (own || (!withIpv6.isEmpty() && !ofApi)) {
      throw mtuPlace.error(tooSmall);
    }
    if (!withIpv6.isEmpty()) {
      warnings.add(
          mtuPlace.text(
              tooSmall
                  + ": IPv6 packets to these nodes are dropped: "
                  + withIpv6.stream().sorted().limit(NAMES).collect(Collectors.joining(", "))
                  + (withIpv6.size() > NAMES ? " and others" : "")));
    }
  }

  private static boolean hasIpv6(PeerConfigBuilder peer) {
    return peer.allowedIps.keySet().stream().anyMatch(range -> !range.address().v4());
  }

  /** Refuses to steer all addresses: no packet would be left for the underlay. */
  private void checkNoDefault() throws ConfigException {
    for (PeerConfigBuilder peer : peers.values()) {
      for (Map.Entry<Prefix, Place> range : peer.allowedIps.entrySet()) {
        if (range.getKey().length() == 0) {
          throw range
              .getValue()
              .error(
                  range.getKey()
                      + " would take all there is into the tunnel; name the ranges, or turn routes"
                      + " off and set your own");
        }
      }
    }
  }
}
