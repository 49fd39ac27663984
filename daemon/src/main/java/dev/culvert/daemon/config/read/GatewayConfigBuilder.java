// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.InterfaceAddress;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.PeerConfig;
import dev.culvert.daemon.config.Place;
import dev.culvert.daemon.config.Values;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.plan.TunnelMtu;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A gateway while its file is read; {@link #build} makes the checks that concern several keys. */
final class GatewayConfigBuilder {
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
  boolean routes = true;
  @Nullable KeySource privateKey;
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
    mtu = (int) Values.number(at, text, 576, 65_535);
    mtuPlace = at;
  }

  /** Starts a peer that is known by its key. */
  PeerConfigBuilder peer(Place at, String publicKey) throws ConfigException {
    return add(at, new PeerConfigBuilder(Values.publicKey(at, publicKey)), "key");
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
        routes,
        privateKey == null ? defaultKey() : privateKey,
        cluster.build(place, steered(), addresses),
        wireGuardPeers,
        engine,
        cluster.discovery,
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

  /** Refuses IPv6 with an MTU under 1280: the kernel silently takes IPv6 off such a link. */
  private void checkIpv6FitsMtu() throws ConfigException {
    boolean ipv6 =
        addresses.stream().anyMatch(a -> !a.address().v4())
            || peers.values().stream()
                .flatMap(p -> p.allowedIps.keySet().stream())
                .anyMatch(p -> !p.address().v4());
    if (mtuPlace != null && mtu < TunnelMtu.SMALLEST_FOR_IPV6 && ipv6) {
      throw mtuPlace.error(mtu + " is less than the 1280 that IPv6 needs");
    }
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
