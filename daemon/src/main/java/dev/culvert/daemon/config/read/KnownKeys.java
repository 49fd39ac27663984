// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.tunnel.port.Offload;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The keys that a mapping in a YAML file may have. All of the format's keys are declared here, each
 * with the type that {@code docs/configuration.md} gives it, and how a running gateway takes in a
 * change. Their meaning is explained there.
 */
final class KnownKeys {
  static final KnownKeys FILE =
      new KnownKeys()
          .key("apiVersion", "`" + ConfigFile.API_VERSION + "`")
          .key("kind", "`Gateway`")
          .key("metadata", "map")
          .key("spec", "map");

  static final KnownKeys NODES_FILE =
      new KnownKeys()
          .key("apiVersion", "`" + ConfigFile.API_VERSION + "`")
          .key("kind", "`Nodes`")
          .key("metadata", "map")
          .key("nodes", "list of nodes");

  static final KnownKeys SPEC =
      new KnownKeys()
          .key("engine", "`wireguard` or `esp`", Change.RESTART)
          .key("esp", "map")
          .key("interface", "map")
          .key("offload", "map")
          .key("identity", "map")
          .key("clusterCIDRs", "list of ranges")
          .key("strict", "map")
          .key("encrypt", "map")
          .key("exempt", "list of [exemptions](#exempt)")
          .key("node", "name")
          .key("nodes", "list of nodes")
          .key("discovery", "map")
          .key("observability", "map")
          .key("internal", "list of addresses")
          .key("podCIDRs", "list of ranges")
          .key("peers", "list of peers")
          .stillRead("cluster");

  static final KnownKeys INTERFACE =
      new KnownKeys()
          .key("name", "1 to 15 of `A-Z a-z 0-9 _ = + . -`", Change.ANEW)
          .key("mtu", "576 to 65535")
          .key("addresses", "list of address/length")
          .key("listenPort", "0 to 65535")
          .key("fwmark", "number, or `off`")
          .key("lanes", "0 to 256", Change.RESTART)
          .key("routes", "boolean", Change.ANEW);

  /** The keys are those of {@link Offload}. */
  static final KnownKeys OFFLOAD =
      new KnownKeys()
          .key(Offload.UDP_SEGMENTATION.key(), "`auto`, `on` or `off`")
          .key(Offload.UDP_GRO.key(), "`auto`, `on` or `off`", Change.RESTART)
          .key(Offload.TUN_TSO.key(), "`auto`, `on` or `off`", Change.RESTART)
          .key(Offload.TUN_USO.key(), "`auto`, `on` or `off`", Change.RESTART);

  static final KnownKeys OBSERVABILITY =
      new KnownKeys()
          .key("listen", "`address:port`")
          .key("tls", "`{cert, key, clientCa}`")
          .key("tokenFile", "path")
          .key("perPeer", "`auto`, `on` or `off`")
          .key("compat", "list of `exporter`, `calico`, `mdlayher`");

  static final KnownKeys OBSERVABILITY_TLS =
      new KnownKeys().key("cert", "path").key("key", "path").key("clientCa", "path");

  /** A key of WireGuard is taken in by a reload too. */
  static final KnownKeys IDENTITY = new KnownKeys().key("privateKeyFile", "path", Change.RESTART);

  static final KnownKeys STRICT =
      new KnownKeys()
          .key("egress", "boolean")
          .key("ingress", "boolean")
          .key("accept", "list of [blind spots](operations.md#blind-spots-of-the-guard)");

  static final KnownKeys ENCRYPT =
      new KnownKeys()
          .key("podToPod", "boolean")
          .key("podToNode", "boolean")
          .key("nodeToPod", "boolean")
          .key("nodeToNode", "boolean");

  static final KnownKeys EXEMPTION =
      new KnownKeys()
          .key("name", "`[a-z0-9][a-z0-9-]{0,31}`")
          .key("selector", "map")
          .key("protocol", "`tcp` or `udp`")
          .key("ports", "list of ports or ranges");

  static final KnownKeys SELECTOR = new KnownKeys().key("roles", "list").key("labels", "map");

  static final KnownKeys DISCOVERY =
      new KnownKeys().key("file", "path").key("kubernetes", "map", Change.RESTART);

  static final KnownKeys KUBERNETES =
      new KnownKeys()
          .key("nodeName", "name")
          .key("controlPlane", "list of addresses")
          .key("apiServerPort", "1 to 65535")
          .key("controlPlaneExemptPorts", "list of ports or ranges")
          .key("kubeconfig", "path")
          .key("registrar", "`embedded` or `separate`")
          .key("podRanges", "`auto`, `nodes`, `calico`, `cilium` or `pods`")
          .key("nodeCIDRs", "list of ranges")
          .key("serviceCIDRs", "list of ranges");

  /** The keys of a node with any engine. */
  static final KnownKeys NODE =
      new KnownKeys()
          .key("name", "text")
          .key("roles", "list")
          .key("labels", "map")
          .key("internal", "list of addresses")
          .key("external", "list of addresses")
          .key("podCIDRs", "list of ranges")
          .key("endpoint", "`host:port`");

  static final KnownKeys KEEPALIVE =
      new KnownKeys().key("persistentKeepalive", "0 to 65535 seconds, or `off`");

  /** The keys of a node or peer that has a key pair. */
  static final KnownKeys KEY_PAIR =
      KEEPALIVE.and(new KnownKeys().key("publicKey", "base64").key("presharedKeyFile", "path"));

  /** The keys of a peer with fixed keys. */
  static final KnownKeys FIXED_KEYS =
      KEEPALIVE.and(
          new KnownKeys()
              .key("inbound", "`{spi, keyFile}`", Change.RESTART)
              .key("outbound", "`{spi, keyFile}`", Change.RESTART));

  static final KnownKeys PEER =
      KEY_PAIR.and(
          new KnownKeys()
              .key("name", "text")
              .key("endpoint", "`host:port`")
              .key("allowedIps", "list of ranges"));

  static final KnownKeys ESP =
      new KnownKeys()
          .key("keying", "`global`, `noise` or `manual`", Change.RESTART)
          .key("keyFile", "path", Change.RESTART)
          .key("esn", "boolean", Change.RESTART)
          .key("encapsulation", "`udp` or `raw`", Change.RESTART)
          .key("policy", "`subnet` or `endpoint`")
          .formerly("nodeAddresses", "spec.internal")
          .formerly("localRanges", "spec.podCIDRs");

  /** The keys of an ESP peer with any keying. */
  static final KnownKeys ESP_PEER =
      new KnownKeys()
          .key("name", "text")
          .key("endpoint", "`host:port`")
          .key("address", "address")
          .key("allowedIps", "list of ranges");

  static final KnownKeys SA = new KnownKeys().key("spi", "number").key("keyFile", "path");

  /** The keys of {@code spec.cluster}, which stand in {@link #SPEC} itself now. */
  static final KnownKeys FORMER_CLUSTER =
      new KnownKeys().key("cidrs", "list of ranges").formerly("podCIDRs", "spec.podCIDRs");

  /** How a running gateway takes in another value of a key. */
  enum Change {
    /** {@code culvert reload}. */
    RELOAD,
    /** A new start of the gateway, while the guard stays. */
    RESTART,
    /** {@code culvert down} with the old file, then {@code culvert up}. */
    ANEW
  }

  private final Map<String, String> types = new LinkedHashMap<>();
  private final Map<String, Change> changes = new HashMap<>();
  private final Map<String, String> successors = new HashMap<>();
  private final Set<String> stillRead = new HashSet<>();

  private KnownKeys() {}

  private KnownKeys key(String name, String type) {
    return key(name, type, Change.RELOAD);
  }

  private KnownKeys key(String name, String type, Change change) {
    types.put(name, type);
    changes.put(name, change);
    return this;
  }

  private KnownKeys formerly(String name, String now) {
    successors.put(name, now);
    return this;
  }

  /** Adds a former key that is still read, but no longer shown to users. */
  private KnownKeys stillRead(String name) {
    stillRead.add(name);
    return this;
  }

  /** These keys and {@code others}, for a mapping that has both. */
  KnownKeys and(KnownKeys others) {
    KnownKeys all = new KnownKeys();
    all.types.putAll(types);
    all.types.putAll(others.types);
    all.changes.putAll(changes);
    all.changes.putAll(others.changes);
    all.successors.putAll(successors);
    all.successors.putAll(others.successors);
    all.stillRead.addAll(stillRead);
    all.stillRead.addAll(others.stillRead);
    return all;
  }

  /** The names of the keys, for suggestions when a key is mistyped. */
  Set<String> names() {
    return types.keySet();
  }

  /** Whether the mapping may have this key. */
  boolean contain(String name) {
    return types.containsKey(name) || stillRead.contains(name);
  }

  /** The type of a known key, in the words of the documentation. */
  String type(String name) {
    String type = types.get(name);
    if (type == null) {
      throw new IllegalArgumentException(name);
    }
    return type;
  }

  /** The known keys that are changed in this way. */
  Set<String> changedBy(Change change) {
    return types.keySet().stream()
        .filter(name -> changes.get(name) == change)
        .collect(Collectors.toSet());
  }

  /** The key that has replaced {@code name}, in full, or null if {@code name} never was a key. */
  @Nullable String successor(String name) {
    return successors.get(name);
  }
}
