package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.Place;
import dev.culvert.daemon.config.Values;
import dev.culvert.daemon.config.read.YamlValue.YamlMap;
import dev.culvert.routing.BlindSpot;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.Exemption;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.NodeSelector;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.TrafficClass;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The part of the format that is about the cluster.
 *
 * <pre>{@code
 * spec:
 *   node: node-a                        # which of the nodes this is
 *   nodes:
 *     - name: node-a
 *       roles: [control-plane]
 *       labels: {zone: one}
 *       internal: [192.0.2.1, "2001:db8::1"]
 *       external: [198.51.100.1]
 *       podCIDRs: [10.42.1.0/24]
 *       publicKey: BASE64
 *       presharedKeyFile: a.psk
 *       endpoint: 192.0.2.1:51820       # left out: the first internal address, port 51820
 *       persistentKeepalive: 25
 *   discovery: {file: nodes.yaml}       # more nodes: kind Nodes, with the key nodes
 *   clusterCIDRs: [10.42.0.0/16]
 *   strict: {egress: true, ingress: true, accept: [macvlan]}
 *   encrypt: {podToPod: true, podToNode: true, nodeToPod: true, nodeToNode: true}
 *   exempt:
 *     - name: api-server
 *       selector: {roles: [control-plane], labels: {}}
 *       protocol: tcp
 *       ports: [6443, 2379-2380]
 * }</pre>
 */
final class ClusterFormat {
  static final Set<String> KEYS =
      Set.of(
          "node", "nodes", "discovery", "cluster", "clusterCIDRs", "strict", "encrypt", "exempt");

  private static final Set<String> NODE_KEYS =
      Set.of("name", "roles", "labels", "internal", "external", "podCIDRs", "endpoint");

  private final Path directory;
  private final NodePeers peers;
  private final NodesFile nodesFile;
  private final ClusterBuilder cluster;
  private final List<NodeEntry> entries = new ArrayList<>();

  /**
   * @param directory where relative paths start
   * @param peers what the engine makes of nodes
   */
  ClusterFormat(Path directory, GatewayConfigBuilder config, NodePeers peers, NodesFile nodesFile) {
    this.directory = directory;
    this.peers = peers;
    this.nodesFile = nodesFile;
    cluster = config.cluster;
  }

  void read(YamlMap spec) throws ConfigException {
    YamlValue self = spec.get("node");
    if (self != null) {
      cluster.self(self.place(), self.text(), nodesFile.selfRequired());
    }
    YamlValue old = spec.get("cluster");
    if (old != null) {
      YamlMap ranges = old.map(Set.of("cidrs", "podCIDRs"));
      prefixes(ranges.list("cidrs"), cluster.clusterCidrs);
      prefixes(ranges.list("podCIDRs"), cluster.podCidrs);
    }
    prefixes(spec.list("clusterCIDRs"), cluster.clusterCidrs);
    nodes(spec.get("nodes"));
    YamlValue discovery = spec.get("discovery");
    if (discovery != null) {
      discovered(discovery.map(Set.of("file")).require("file"));
    }
    addNodes();
    strict(spec.get("strict"));
    encrypt(spec.get("encrypt"));
    YamlValue exempt = spec.get("exempt");
    if (exempt != null) {
      exempt(exempt);
    }
  }

  private void discovered(YamlValue file) throws ConfigException {
    Path named = directory.resolve(YamlFormat.path(file));
    cluster.discovery = named;
    Path path = nodesFile.inPlaceOf(named);
    if (path == null) {
      return;
    }
    YamlMap root =
        YamlValue.parse(path.toString(), ConfigFile.readText(path))
            .map(Set.of("apiVersion", "kind", "metadata", "nodes"));
    YamlFormat.exactly(root.require("apiVersion"), YamlFormat.API_VERSION);
    YamlFormat.exactly(root.require("kind"), "Nodes");
    nodes(root.require("nodes"));
  }

  private void nodes(@Nullable YamlValue nodes) throws ConfigException {
    if (nodes == null) {
      return;
    }
    cluster.nodesAt(nodes.place());
    for (YamlValue node : nodes.list()) {
      entries.add(entry(node));
    }
  }

  private NodeEntry entry(YamlValue value) throws ConfigException {
    Set<String> keys = new HashSet<>(NODE_KEYS);
    keys.addAll(peers.keys());
    YamlMap map = value.map(keys);
    YamlValue nameValue = map.require("name");
    String name = nameValue.text();
    if (name.isBlank()) {
      throw nameValue.place().error("a node needs a name");
    }
    cluster.name(nameValue.place(), name);
    Map<Prefix, Place> ranges = new HashMap<>();
    List<IpAddress> internal = addresses(name, map.list("internal"), ranges);
    List<IpAddress> external = addresses(name, map.list("external"), ranges);
    List<Prefix> podCidrs = new ArrayList<>();
    for (YamlValue range : map.list("podCIDRs")) {
      Prefix prefix = Values.prefix(range.place(), range.text());
      cluster.range(range.place(), name, prefix);
      ranges.put(prefix, range.place());
      podCidrs.add(prefix);
    }
    return new NodeEntry(map, nameValue.place(), name, internal, external, podCidrs, ranges);
  }

  /** The engine's peers come once all nodes are known: they may depend on which this is. */
  private void addNodes() throws ConfigException {
    NodeEntry self = null;
    for (NodeEntry entry : entries) {
      self = cluster.isSelf(entry.name()) ? entry : self;
    }
    for (NodeEntry entry : entries) {
      YamlMap map = entry.map();
      cluster.nodes.add(
          new ClusterNode(
              entry.name(),
              texts(map.list("roles")),
              labels(map.get("labels")),
              entry.internal(),
              entry.external(),
              entry.podCidrs(),
              peers.peer(entry, self)));
    }
  }

  private List<IpAddress> addresses(String node, List<YamlValue> values, Map<Prefix, Place> ranges)
      throws ConfigException {
    List<IpAddress> addresses = new ArrayList<>();
    for (YamlValue value : values) {
      IpAddress address;
      try {
        address = IpAddress.parse(value.text());
      } catch (IllegalArgumentException e) {
        throw value.place().error("'" + value.text() + "' is not an address (as in 192.0.2.1)");
      }
      Values.requireNotLinkLocal(value.place(), address);
      cluster.range(value.place(), node, Prefix.host(address));
      ranges.put(Prefix.host(address), value.place());
      addresses.add(address);
    }
    return addresses;
  }

  private static void prefixes(List<YamlValue> values, List<Prefix> into) throws ConfigException {
    for (YamlValue value : values) {
      into.add(Values.prefix(value.place(), value.text()));
    }
  }

  private static Set<String> texts(List<YamlValue> values) throws ConfigException {
    Set<String> texts = new HashSet<>();
    for (YamlValue value : values) {
      texts.add(value.text());
    }
    return texts;
  }

  private static Map<String, String> labels(@Nullable YamlValue value) throws ConfigException {
    return value == null ? Map.of() : value.texts();
  }

  private void strict(@Nullable YamlValue value) throws ConfigException {
    if (value != null) {
      YamlMap strict = value.map(Set.of("egress", "ingress", "accept"));
      cluster.strictEgress = truth(strict.get("egress"), true);
      cluster.strictIngress = truth(strict.get("ingress"), true);
      for (YamlValue name : strict.list("accept")) {
        cluster.accepted.add(
            BlindSpot.of(name.text())
                .orElseThrow(
                    () -> name.place().error("not one of " + List.of(BlindSpot.values()))));
      }
    }
  }

  private static boolean truth(@Nullable YamlValue value, boolean byDefault)
      throws ConfigException {
    return value == null ? byDefault : value.truth();
  }

  private void encrypt(@Nullable YamlValue value) throws ConfigException {
    if (value == null) {
      return;
    }
    YamlMap classes = value.map(Set.of("podToPod", "podToNode", "nodeToPod", "nodeToNode"));
    boolean podToNode = truth(classes.get("podToNode"), true);
    encrypted(TrafficClass.POD_TO_POD, truth(classes.get("podToPod"), true));
    encrypted(TrafficClass.POD_TO_NODE, podToNode);
    // The two are one conversation, where nothing else is said.
    encrypted(TrafficClass.NODE_TO_POD, truth(classes.get("nodeToPod"), podToNode));
    encrypted(TrafficClass.NODE_TO_NODE, truth(classes.get("nodeToNode"), true));
  }

  private void encrypted(TrafficClass traffic, boolean wanted) {
    if (!wanted) {
      cluster.encrypted.remove(traffic);
    }
  }

  private void exempt(YamlValue list) throws ConfigException {
    List<Exemption> exemptions = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (YamlValue value : list.list()) {
      YamlMap map = value.map(Set.of("name", "selector", "protocol", "ports"));
      YamlValue name = map.require("name");
      if (!names.add(name.text())) {
        throw name.place().error("two exemptions are called '" + name.text() + "'");
      }
      List<PortRange> ports = new ArrayList<>();
      for (YamlValue port : map.require("ports").list()) {
        ports.add(ports(port));
      }
      try {
        exemptions.add(
            new Exemption(name.text(), selector(map.require("selector")), protocol(map), ports));
      } catch (IllegalArgumentException e) {
        throw value.place().error(String.valueOf(e.getMessage()));
      }
    }
    cluster.exemptions = exemptions;
  }

  private static NodeSelector selector(YamlValue value) throws ConfigException {
    YamlMap map = value.map(Set.of("roles", "labels"));
    return new NodeSelector(texts(map.list("roles")), labels(map.get("labels")));
  }

  private static int protocol(YamlMap map) throws ConfigException {
    YamlValue value = map.require("protocol");
    return switch (value.text()) {
      case "tcp" -> Exemption.TCP;
      case "udp" -> Exemption.UDP;
      default -> throw value.place().error("must be tcp or udp");
    };
  }

  private static PortRange ports(YamlValue value) throws ConfigException {
    String text = value.text();
    int dash = text.indexOf('-');
    int first =
        (int) Values.number(value.place(), dash < 0 ? text : text.substring(0, dash), 1, 65_535);
    int last =
        dash < 0 ? first : (int) Values.number(value.place(), text.substring(dash + 1), 1, 65_535);
    if (last < first) {
      throw value.place().error(text + " ends before it begins");
    }
    return new PortRange(first, last);
  }
}
