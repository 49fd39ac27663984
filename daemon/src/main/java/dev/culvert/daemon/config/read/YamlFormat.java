// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.daemon.config.EspConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.Values;
import dev.culvert.daemon.config.read.YamlValue.YamlMap;
import dev.culvert.tunnel.state.Credentials;
import java.nio.file.Path;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Culvert's own format. {@code culvert.yaml} beside the program shows every key with its meaning.
 * Relative paths start at the configuration file's directory. {@link KnownKeys} lists all keys, and
 * {@link ClusterFormat} reads a file that names the nodes of a cluster instead of peers.
 */
final class YamlFormat {
  private final Path directory;
  private final NodeSource source;
  private final UnaryOperator<@Nullable String> environment;

  private YamlFormat(
      Path directory, NodeSource source, UnaryOperator<@Nullable String> environment) {
    this.directory = directory;
    this.source = source;
    this.environment = environment;
  }

  /**
   * Reads a document.
   *
   * @param directory the directory of relative paths
   * @param environment gives the value of a variable, or null
   */
  static GatewayConfig read(
      YamlValue document,
      Path directory,
      NodeSource source,
      UnaryOperator<@Nullable String> environment)
      throws ConfigException {
    YamlMap root = document.map(KnownKeys.FILE);
    exactly(root.require("apiVersion"), ConfigFile.API_VERSION);
    exactly(root.require("kind"), "Gateway");
    YamlValue metadata = root.get("metadata");
    if (metadata != null) {
      metadata.freeMap();
    }
    return new YamlFormat(directory, source, environment).spec(root.require("spec"));
  }

  static void exactly(YamlValue value, String expected) throws ConfigException {
    if (!value.text().equals(expected)) {
      throw value.place().error("only '" + expected + "' is supported by this version");
    }
  }

  private GatewayConfig spec(YamlValue value) throws ConfigException {
    YamlMap spec = value.map(KnownKeys.SPEC);
    boolean isEsp = isEsp(spec);
    YamlMap link = map(spec.get("interface"), KnownKeys.INTERFACE);
    GatewayConfigBuilder config = new GatewayConfigBuilder(value.place());
    if (!isEsp && inCluster(spec)) {
      // The other nodes send to this port.
      config.listenPort = EngineConfig.WireGuard.DEFAULT_PORT;
    }
    if (link != null) {
      link(link, config);
    }
    YamlMap offload = map(spec.get("offload"), KnownKeys.OFFLOAD);
    if (offload != null) {
      config.offload = OffloadFormat.read(offload);
    }
    YamlValue observability = spec.get("observability");
    if (observability != null) {
      config.observability = ObservabilityFormat.read(observability, directory, config.warnings);
    }
    YamlValue peers = spec.get("peers");
    if (peers != null && spec.get("node") != null) {
      throw peers.place().error("a file has either nodes or peers");
    }
    if (isEsp) {
      return esp(spec, config);
    }
    identity(spec, config);
    new ClusterFormat(directory, config, new WireGuardNodes(config), source, environment)
        .read(spec, inCluster(spec));
    for (YamlValue peer : spec.list("peers")) {
      peer(peer, config);
    }
    return config.build();
  }

  private void identity(YamlMap spec, GatewayConfigBuilder config) throws ConfigException {
    YamlMap identity = map(spec.get("identity"), KnownKeys.IDENTITY);
    YamlValue keyFile = identity == null ? null : identity.get("privateKeyFile");
    if (keyFile != null) {
      config.privateKey = inFile(directory, keyFile);
    }
  }

  private static boolean isEsp(YamlMap spec) throws ConfigException {
    YamlValue engine = spec.get("engine");
    YamlValue esp = spec.get("esp");
    String name = engine == null ? "wireguard" : engine.text();
    if (engine != null && !name.equals("wireguard") && !name.equals("esp")) {
      throw engine.place().error("'" + name + "' is no engine; known: wireguard, esp");
    }
    if (esp != null && !name.equals("esp")) {
      throw esp.place().error("only with 'engine: esp'");
    }
    return name.equals("esp");
  }

  private static boolean inCluster(YamlMap spec) {
    return Stream.of("node", "nodes", "discovery").anyMatch(key -> spec.get(key) != null);
  }

  private GatewayConfig esp(YamlMap spec, GatewayConfigBuilder config) throws ConfigException {
    boolean inCluster = inCluster(spec);
    EspFormat format = new EspFormat(directory, spec.require("esp"), inCluster);
    YamlValue identity = spec.get("identity");
    if (format.needsIdentity()) {
      identity(spec, config);
    } else if (identity != null) {
      throw identity
          .place()
          .error("without keying noise ESP knows a node by its address, not by a key");
    }
    if (config.listenPort == 0) {
      config.listenPort = EspConfig.DEFAULT_PORT;
    }
    EspNodes nodes = new EspNodes(format, config);
    new ClusterFormat(directory, config, nodes, source, environment).read(spec, inCluster);
    return config.build(inCluster ? nodes.config() : format.ofPeers(spec, config));
  }

  private static @Nullable YamlMap map(@Nullable YamlValue value, KnownKeys known)
      throws ConfigException {
    return value == null ? null : value.map(known);
  }

  private static void link(YamlMap link, GatewayConfigBuilder config) throws ConfigException {
    YamlValue name = link.get("name");
    if (name != null) {
      config.interfaceName = Values.interfaceName(name.place(), name.text());
    }
    YamlValue mtu = link.get("mtu");
    if (mtu != null) {
      config.mtu(mtu.place(), mtu.text());
    }
    for (YamlValue address : link.list("addresses")) {
      config.addresses.add(Values.address(address.place(), address.text()));
    }
    YamlValue listenPort = link.get("listenPort");
    if (listenPort != null) {
      config.listenPort = (int) Values.number(listenPort.place(), listenPort.text(), 0, 65_535);
    }
    YamlValue fwmark = link.get("fwmark");
    if (fwmark != null) {
      config.fwmark = Values.fwmark(fwmark.place(), fwmark.text());
    }
    YamlValue lanes = link.get("lanes");
    if (lanes != null) {
      config.lanes = (int) Values.number(lanes.place(), lanes.text(), 0, 256);
    }
    YamlValue routes = link.get("routes");
    if (routes != null) {
      config.routes = routes.truth();
    }
  }

  private void peer(YamlValue value, GatewayConfigBuilder config) throws ConfigException {
    YamlMap map = value.map(KnownKeys.PEER);
    PeerSettings settings = PeerSettings.of(map, directory);
    PeerConfigBuilder peer = config.peer(settings.requirePublicKey());
    YamlValue name = map.get("name");
    if (name != null) {
      peer.name = name.text();
    }
    peer.take(settings);
    for (YamlValue range : map.list("allowedIps")) {
      peer.allowedIp(range.place(), range.text());
    }
  }

  static KeySource inFile(Path directory, YamlValue value) throws ConfigException {
    return new KeySource.InFile(directory.resolve(path(value)), value.place());
  }

  static String path(YamlValue value) throws ConfigException {
    String text = value.text();
    if (text.isEmpty() || text.indexOf('\0') >= 0) {
      throw value.place().error("not a path");
    }
    if (text.startsWith("$") && !text.startsWith(Credentials.PREFIX)) {
      throw value
          .place()
          .error(
              "the only variable in a path is "
                  + Credentials.PREFIX
                  + ", at its beginning; a file whose name begins with $ is written ./$...");
    }
    return Credentials.resolve(text);
  }
}
