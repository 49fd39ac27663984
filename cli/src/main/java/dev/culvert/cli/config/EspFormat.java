package dev.culvert.cli.config;

import dev.culvert.cli.config.EspConfig.Keys;
import dev.culvert.cli.config.EspConfig.ManualSaConfig;
import dev.culvert.cli.config.EspConfig.NoisePeerConfig;
import dev.culvert.cli.config.YamlValue.YamlMap;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.gateway.Encapsulation;
import dev.culvert.tunnel.noise.PublicKey;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What {@code engine: esp} adds to {@link YamlFormat}.
 *
 * <pre>{@code
 * spec:
 *   engine: esp
 *   esp:
 *     keying: global                      # or noise, manual
 *     keyFile: /etc/culvert/keys          # with global
 *     esn: true
 *     encapsulation: udp                  # or raw: IP protocol 50
 *     nodeAddresses: [192.0.2.1]
 *     localRanges: [10.66.1.0/24]
 *   peers:
 *     - name: node-b
 *       endpoint: 192.0.2.2:4500
 *       address: 192.0.2.2                # where NAT makes it another than the endpoint's
 *       allowedIps: [10.66.2.0/24]
 *       persistentKeepalive: 25           # left out: off; not with raw encapsulation
 *       publicKey: BASE64                 # with noise
 *       presharedKeyFile: node-b.psk      # with noise, left out: none
 *       inbound: {spi: 0x1001, keyFile: from-b.key}    # with manual
 *       outbound: {spi: 0x1002, keyFile: to-b.key}     # with manual
 * }</pre>
 */
final class EspFormat {
  private static final Set<String> KEYS =
      Set.of("keying", "keyFile", "esn", "encapsulation", "nodeAddresses", "localRanges");

  /** Where keys come from. */
  private enum Keying {
    GLOBAL,
    NOISE,
    MANUAL
  }

  /** RFC 4303 section 2.1 reserves those below. */
  private static final long MIN_SPI = 256;

  private final Path directory;
  private final Map<String, EspPeerBuilder> peers = new LinkedHashMap<>();
  private final List<ManualSaConfig> sas = new ArrayList<>();
  private final Map<PublicKey, NoisePeerConfig> identities = new LinkedHashMap<>();

  /** A peer while its lines are read; its ranges are the common builder's. */
  private record EspPeerBuilder(
      PeerConfigBuilder ranges, HostPort endpoint, @Nullable IpAddress address, int natKeepalive) {}

  private EspFormat(Path directory) {
    this.directory = directory;
  }

  /** Reads the section and the peers, whose names and ranges go through {@code config}. */
  static EspConfig parse(
      Path directory, YamlValue section, List<YamlValue> peers, GatewayConfigBuilder config)
      throws ConfigException {
    return new EspFormat(directory).parse(section, peers, config);
  }

  private EspConfig parse(YamlValue section, List<YamlValue> values, GatewayConfigBuilder config)
      throws ConfigException {
    YamlMap esp = section.map(KEYS);
    Keying keying = keying(section);
    Encapsulation encapsulation = encapsulation(esp);
    for (YamlValue value : values) {
      peer(value, keying, encapsulation, config);
    }
    YamlValue esn = esp.get("esn");
    Keys keys = keys(keying, esp);
    if (keying == Keying.NOISE && esn != null && !esn.truth()) {
      throw esn.place().error("with keying noise sequence numbers have 64 bits");
    }
    List<IpAddress> nodeAddresses = nodeAddresses(esp);
    for (EspPeerBuilder peer : peers.values()) {
      requireFamily(peer, nodeAddresses);
    }
    return new EspConfig(
        nodeAddresses,
        localRanges(esp),
        esn == null || esn.truth(),
        encapsulation,
        keys,
        peers.values().stream()
            .map(
                p ->
                    new EspConfig.Peer(
                        p.ranges.name,
                        p.endpoint,
                        p.address,
                        List.copyOf(p.ranges.allowedIps.keySet()),
                        p.natKeepalive))
            .toList());
  }

  /** Whether a node is known by its static key too, not only by its address. */
  static boolean needsIdentity(YamlValue section) throws ConfigException {
    return keying(section) == Keying.NOISE;
  }

  private static Keying keying(YamlValue section) throws ConfigException {
    YamlValue keying = section.map(KEYS).get("keying");
    String how = keying == null ? "global" : keying.text();
    return switch (how) {
      case "global" -> Keying.GLOBAL;
      case "noise" -> Keying.NOISE;
      case "manual" -> Keying.MANUAL;
      default ->
          throw section.place().error("keying must be global, noise or manual, not '" + how + "'");
    };
  }

  private Keys keys(Keying keying, YamlMap esp) throws ConfigException {
    YamlValue keyFile = esp.get("keyFile");
    return switch (keying) {
      case GLOBAL -> new Keys.Global(path(esp.require("keyFile")));
      case NOISE -> {
        if (keyFile != null) {
          throw keyFile.place().error("with keying noise it is identity.privateKeyFile");
        }
        yield new Keys.Noise(List.copyOf(identities.values()));
      }
      case MANUAL -> {
        if (keyFile != null) {
          throw keyFile.place().error("with keying manual each peer's SAs name their own");
        }
        yield new Keys.Manual(sas);
      }
    };
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

  private static List<IpAddress> nodeAddresses(YamlMap esp) throws ConfigException {
    List<IpAddress> addresses = new ArrayList<>();
    for (YamlValue value : esp.require("nodeAddresses").list()) {
      IpAddress address = ip(value);
      if (addresses.stream().anyMatch(other -> other.v4() == address.v4())) {
        throw value.place().error("a node has one address a family: the one its peers know");
      }
      addresses.add(address);
    }
    return addresses;
  }

  private static List<Prefix> localRanges(YamlMap esp) throws ConfigException {
    List<Prefix> ranges = new ArrayList<>();
    for (YamlValue value : esp.require("localRanges").list()) {
      ranges.add(Values.prefix(value.place(), value.text()));
    }
    return ranges;
  }

  private static IpAddress ip(YamlValue value) throws ConfigException {
    String text = value.text();
    try {
      return IpAddress.parse(text);
    } catch (IllegalArgumentException e) {
      throw value.place().error("'" + text + "' is not an address (as in 192.0.2.1)");
    }
  }

  /** Only what is known without asking the name service. */
  private static void requireFamily(EspPeerBuilder peer, List<IpAddress> nodeAddresses)
      throws ConfigException {
    IpAddress address = peer.address;
    if (address != null && nodeAddresses.stream().noneMatch(own -> own.v4() == address.v4())) {
      throw peer.endpoint
          .place()
          .error("this node has no address of the family of " + address + " (nodeAddresses)");
    }
  }

  private void peer(
      YamlValue value, Keying keying, Encapsulation encapsulation, GatewayConfigBuilder config)
      throws ConfigException {
    YamlMap map = value.map(peerKeys(keying));
    YamlValue name = map.require("name");
    PeerConfigBuilder ranges = config.namedPeer(name.place(), name.text());
    YamlValue endpoint = map.require("endpoint");
    YamlValue address = map.get("address");
    ranges.endpoint = Values.endpoint(endpoint.place(), endpoint.text());
    for (YamlValue range : map.list("allowedIps")) {
      ranges.allowedIp(range.place(), range.text());
    }
    int keepalive = keepalive(map, keying, encapsulation);
    peers.put(
        ranges.name,
        new EspPeerBuilder(
            ranges,
            ranges.endpoint,
            address == null ? null : ip(address),
            keying == Keying.NOISE ? 0 : keepalive));
    switch (keying) {
      case GLOBAL -> {}
      case NOISE -> identity(map, ranges.name, keepalive);
      case MANUAL -> {
        sa(map.require("inbound"), ranges.name, false);
        sa(map.require("outbound"), ranges.name, true);
      }
    }
  }

  /** Handshakes keep a session alive too, and with it what it goes through; so it may be raw. */
  private static int keepalive(YamlMap map, Keying keying, Encapsulation encapsulation)
      throws ConfigException {
    YamlValue value = map.get("persistentKeepalive");
    if (value == null) {
      return 0;
    }
    if (encapsulation == Encapsulation.RAW && keying != Keying.NOISE) {
      throw value
          .place()
          .error("raw ESP has no ports that a NAT could map: encapsulation must be udp for this");
    }
    return Values.keepalive(value.place(), value.text());
  }

  private static Set<String> peerKeys(Keying keying) {
    Set<String> keys =
        new HashSet<>(Set.of("name", "endpoint", "address", "allowedIps", "persistentKeepalive"));
    switch (keying) {
      case GLOBAL -> {}
      case NOISE -> keys.addAll(Set.of("publicKey", "presharedKeyFile"));
      case MANUAL -> keys.addAll(Set.of("inbound", "outbound"));
    }
    return keys;
  }

  private void identity(YamlMap map, String peer, int keepalive) throws ConfigException {
    YamlValue key = map.require("publicKey");
    YamlValue presharedKey = map.get("presharedKeyFile");
    NoisePeerConfig identity =
        new NoisePeerConfig(
            peer,
            Values.publicKey(key.place(), key.text()),
            presharedKey == null
                ? null
                : new KeySource.InFile(path(presharedKey), presharedKey.place()),
            keepalive,
            key.place());
    NoisePeerConfig other = identities.putIfAbsent(identity.publicKey(), identity);
    if (other != null) {
      throw key.place().error("the same key as the peer at " + other.place().lineText());
    }
  }

  private void sa(YamlValue value, String peer, boolean outbound) throws ConfigException {
    YamlMap sa = value.map(Set.of("spi", "keyFile"));
    YamlValue spi = sa.require("spi");
    int number = (int) Values.number(spi.place(), spi.text(), MIN_SPI, 0xffff_ffffL);
    YamlValue file = sa.require("keyFile");
    sas.add(new ManualSaConfig(peer, outbound, number, path(file), file.place()));
  }

  private Path path(YamlValue value) throws ConfigException {
    String text = value.text();
    if (text.isEmpty() || text.indexOf('\0') >= 0) {
      throw value.place().error("not a path");
    }
    return directory.resolve(text);
  }
}
