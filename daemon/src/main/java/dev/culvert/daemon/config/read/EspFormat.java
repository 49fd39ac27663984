// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.HostPort;
import dev.culvert.daemon.config.KeyingConfig;
import dev.culvert.daemon.config.Values;
import dev.culvert.daemon.config.read.YamlValue.YamlMap;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.esp.EspPeerSettings.Binding;
import dev.culvert.tunnel.port.Encapsulation;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The keys that {@code engine: esp} adds to {@link YamlFormat}.
 *
 * <p>If the file has {@link ClusterFormat}'s nodes instead of peers, addresses and ranges are in
 * the nodes' entries, and with noise also {@code publicKey}, {@code presharedKeyFile} and {@code
 * persistentKeepalive}. Then {@code policy} says whether there is one pair of SAs for each pair of
 * nodes ({@code subnet}) or, with a global key, one SA for each range of a node ({@code endpoint}).
 */
final class EspFormat {
  private final Path directory;
  private final KeyingFormat keying;
  private final YamlMap section;
  private final Map<String, EspPeerBuilder> peers = new LinkedHashMap<>();

  /** A peer while its lines are read; its ranges are in {@link PeerConfigBuilder}. */
  private record EspPeerBuilder(
      PeerConfigBuilder ranges, HostPort endpoint, @Nullable IpAddress address, int natKeepalive) {}

  /**
   * Reads the source of the keys.
   *
   * @param directory the directory of relative paths
   * @param inCluster whether the file has nodes, not peers
   */
  EspFormat(Path directory, YamlValue section, boolean inCluster) throws ConfigException {
    this.directory = directory;
    this.section = section.map(KnownKeys.ESP);
    keying = KeyingFormat.of(section, this.section, directory);
    if (inCluster) {
      keying.checkNodes(this.section);
    } else if (this.section.get("policy") != null) {
      throw this.section.require("policy").place().error("only with nodes");
    }
  }

  /** Whether a node is known by its static key too, not only by its address. */
  boolean needsIdentity() {
    return keying.identifiesNodes();
  }

  /** Reads the peers. Their names and ranges go through {@code config}, as this node's did. */
  EspConfig ofPeers(YamlMap spec, GatewayConfigBuilder config) throws ConfigException {
    for (YamlValue value : spec.list("peers")) {
      peer(value, config);
    }
    requireOneOfAFamily(spec.require("internal").list());
    spec.require("podCIDRs");
    List<IpAddress> nodeAddresses = config.cluster.internal;
    for (EspPeerBuilder peer : peers.values()) {
      requireFamily(peer, nodeAddresses);
    }
    return config(
        nodeAddresses,
        config.cluster.podCidrs,
        Binding.SELECTORS,
        peers.values().stream()
            .map(
                p ->
                    new EspConfig.Peer(
                        p.ranges.name,
                        p.endpoint,
                        p.address,
                        List.of(),
                        List.copyOf(p.ranges.allowedIps.keySet()),
                        p.natKeepalive))
            .toList());
  }

  /** The configuration for a cluster's nodes, for which {@link #identity} was called. */
  EspConfig ofNodes(List<IpAddress> own, List<Prefix> ownRanges, List<EspConfig.Peer> nodes)
      throws ConfigException {
    return config(own, ownRanges, binding(), nodes);
  }

  private Binding binding() throws ConfigException {
    YamlValue policy = section.get("policy");
    if (policy == null) {
      return Binding.NODES;
    }
    return switch (policy.text()) {
      case "subnet" -> Binding.NODES;
      case "endpoint" -> {
        if (!keying.dividesByRange()) {
          throw policy.place().error("endpoint goes with keying global only");
        }
        yield Binding.ENDPOINTS;
      }
      default ->
          throw policy
              .place()
              .error("policy must be subnet or endpoint, not '" + policy.text() + "'");
    };
  }

  private EspConfig config(
      List<IpAddress> own, List<Prefix> ownRanges, Binding binding, List<EspConfig.Peer> all)
      throws ConfigException {
    YamlValue esn = section.get("esn");
    KeyingConfig keys = keying.config(section);
    return new EspConfig(
        own, ownRanges, binding, esn == null || esn.truth(), encapsulation(section), keys, all);
  }

  private static Encapsulation encapsulation(YamlMap esp) throws ConfigException {
    YamlValue value = esp.get("encapsulation");
    if (value == null) {
      return Encapsulation.UDP;
    }
    return switch (value.text()) {
      case "udp" -> Encapsulation.UDP;
      case "raw" -> Encapsulation.RAW;
      default ->
          throw value.place().error("encapsulation must be udp or raw, not '" + value.text() + "'");
    };
  }

  private static void requireOneOfAFamily(List<YamlValue> addresses) throws ConfigException {
    Set<Boolean> families = new HashSet<>();
    for (YamlValue value : addresses) {
      if (!families.add(ip(value).v4())) {
        throw value
            .place()
            .error("with peers, a node of ESP has one address per family: the one its peers know");
      }
    }
  }

  private static IpAddress ip(YamlValue value) throws ConfigException {
    return Values.ip(value.place(), value.text());
  }

  /** Checks the family of the peer's address, if that is known without asking the name service. */
  private static void requireFamily(EspPeerBuilder peer, List<IpAddress> nodeAddresses)
      throws ConfigException {
    IpAddress address = peer.address;
    if (address != null && nodeAddresses.stream().noneMatch(own -> own.v4() == address.v4())) {
      throw peer.endpoint
          .place()
          .error("this node has no address of the family of " + address + " (internal)");
    }
  }

  private void peer(YamlValue value, GatewayConfigBuilder config) throws ConfigException {
    YamlMap map = value.map(KnownKeys.ESP_PEER.and(identityKeys()));
    YamlValue name = map.require("name");
    PeerConfigBuilder ranges = config.namedPeer(name.place(), name.text());
    YamlValue endpoint = map.require("endpoint");
    PeerSettings settings = PeerSettings.of(map, directory);
    YamlValue address = map.get("address");
    ranges.endpoint = Values.endpoint(endpoint.place(), endpoint.text());
    for (YamlValue range : map.list("allowedIps")) {
      ranges.allowedIp(range.place(), range.text());
    }
    peers.put(
        ranges.name,
        new EspPeerBuilder(
            ranges, ranges.endpoint, address == null ? null : ip(address), natKeepalive(settings)));
    keying.peer(map, ranges.name);
    identity(ranges.name, settings);
  }

  /** The keys of a peer's entry that depend on the keying. */
  KnownKeys identityKeys() {
    return keying.peerKeys();
  }

  /** Notes how a peer or a node is known in handshakes. */
  void identity(String name, PeerSettings settings) throws ConfigException {
    keying.identity(name, settings);
  }

  /** Seconds after which a packet to this peer keeps a NAT's mapping alive; 0 if handshakes do. */
  int natKeepalive(PeerSettings settings) throws ConfigException {
    Given<Integer> value = settings.keepalive();
    if (value == null || keying.identifiesNodes()) {
      return 0;
    }
    if (encapsulation(section) == Encapsulation.RAW) {
      throw value
          .place()
          .error("raw ESP has no ports that a NAT could map: encapsulation must be udp for this");
    }
    return value.value();
  }
}
