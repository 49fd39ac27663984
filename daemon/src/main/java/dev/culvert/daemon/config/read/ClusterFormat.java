// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.DiscoveryConfig;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.daemon.config.Place;
import dev.culvert.daemon.config.Values;
import dev.culvert.daemon.config.read.YamlValue.YamlMap;
import dev.culvert.routing.BlindSpot;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.TrafficClass;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The part of the format that is about the cluster: this node, the other nodes, and the policy. */
final class ClusterFormat {
  private final Path directory;
  private final NodePeers peers;
  private final NodeSource source;
  private final UnaryOperator<@Nullable String> environment;
  private final ClusterBuilder cluster;
  private final List<String> warnings;
  private final List<NodeEntry> entries = new ArrayList<>();

  /**
   * @param directory the directory of relative paths
   * @param peers makes the engine's peers of nodes
   */
  ClusterFormat(
      Path directory,
      GatewayConfigBuilder config,
      NodePeers peers,
      NodeSource source,
      UnaryOperator<@Nullable String> environment) {
    this.directory = directory;
    this.peers = peers;
    this.source = source;
    this.environment = environment;
    cluster = config.cluster;
    warnings = config.warnings;
  }

  /**
   * @param inCluster whether the file has nodes, not peers
   */
  void read(YamlMap spec, boolean inCluster) throws ConfigException {
    YamlValue self = spec.get("node");
    if (self != null) {
      cluster.self(self.place(), self.text(), source.selfRequired());
    }
    former(spec.get("cluster"));
    prefixes(spec.list("clusterCIDRs"), cluster.clusterCidrs);
    if (inCluster) {
      refuseOfPeers(spec, "internal");
      refuseOfPeers(spec, "podCIDRs");
    } else {
      for (YamlValue address : spec.list("internal")) {
        cluster.internal.add(address(address));
      }
      prefixes(spec.list("podCIDRs"), cluster.podCidrs);
    }
    nodes(spec.get("nodes"));
    YamlValue discovery = spec.get("discovery");
    if (discovery != null) {
      discovered(discovery, spec);
    }
    addNodes();
    strict(spec.get("strict"));
    encrypt(spec.get("encrypt"));
    YamlValue exempt = spec.get("exempt");
    if (exempt != null) {
      cluster.exemptions = ExemptionFormat.exemptions(exempt);
    }
    if (cluster.discovery instanceof KubernetesConfig config) {
      ApiPolicy.apply(source.known().snapshot(), config, exempt != null, cluster, warnings::add);
    }
  }

  private void former(@Nullable YamlValue section) throws ConfigException {
    YamlValue ranges = section == null ? null : section.map(KnownKeys.FORMER_CLUSTER).get("cidrs");
    if (ranges != null) {
      warnings.add(ranges.place().text("this key is now 'spec.clusterCIDRs'; it is still read"));
      prefixes(ranges.list(), cluster.clusterCidrs);
    }
  }

  private static void refuseOfPeers(YamlMap spec, String key) throws ConfigException {
    YamlValue given = spec.get(key);
    if (given != null) {
      throw given.place().error("with nodes, this stands in the node's own entry");
    }
  }

  private void discovered(YamlValue value, YamlMap spec) throws ConfigException {
    YamlMap discovery = value.map(KnownKeys.DISCOVERY);
    YamlValue kubernetes = discovery.get("kubernetes");
    YamlValue file = discovery.get("file");
    if (file == null && kubernetes == null) {
      throw value.place().error("needs the key 'file' or 'kubernetes'");
    }
    if (file != null && kubernetes != null) {
      throw value.place().error("nodes come from a file or from the API, not from both");
    }
    if (file != null) {
      ofFile(file);
    }
    if (kubernetes != null) {
      ofApi(kubernetes, spec);
    }
  }

  private void ofApi(YamlValue section, YamlMap spec) throws ConfigException {
    KubernetesFormat format = new KubernetesFormat(section, directory);
    format.check(spec);
    KubernetesConfig config = format.config();
    format.checkNodeCidrs(cluster.clusterCidrs);
    cluster.nodeCidrs.addAll(config.nodeCidrs());
    cluster.discovery = config;
    Given<String> self = format.nodeName(spec.get("node"), environment);
    cluster.self(self.place(), self.value(), false);
    cluster.nodesAt(section.place());
    ApiNodes nodes = new ApiNodes(source.known(), self, section.place(), config, warnings::add);
    cluster.selfKnown = nodes.knowSelf();
    for (NodeEntry entry : nodes.entries()) {
      cluster.name(entry.place(), entry.name());
      for (Map.Entry<Prefix, Place> range : entry.ranges().entrySet()) {
        cluster.range(range.getValue(), entry.name(), range.getKey());
      }
      entries.add(entry);
    }
  }

  private void ofFile(YamlValue file) throws ConfigException {
    Path named = directory.resolve(YamlFormat.path(file));
    cluster.discovery = new DiscoveryConfig.InFile(named);
    Path path = source.inPlaceOf(named);
    if (path == null) {
      return;
    }
    YamlMap root =
        YamlValue.parse(path.toString(), ConfigFile.readText(path)).map(KnownKeys.NODES_FILE);
    YamlFormat.exactly(root.require("apiVersion"), ConfigFile.API_VERSION);
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
    YamlMap map = value.map(KnownKeys.NODE.and(peers.keys()));
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
    return new NodeEntry(
        nameValue.place(),
        name,
        texts(map.list("roles")),
        labels(map.get("labels")),
        internal,
        external,
        podCidrs,
        ranges,
        false,
        PeerSettings.of(map, directory));
  }

  /**
   * Makes the engine's peers once all nodes are known, since they may depend on which node this is.
   */
  private void addNodes() throws ConfigException {
    NodeEntry self = null;
    for (NodeEntry entry : entries) {
      self = cluster.isSelf(entry.name()) ? entry : self;
    }
    for (NodeEntry entry : entries) {
      cluster.nodes.add(
          new ClusterNode(
              entry.name(),
              entry.roles(),
              entry.labels(),
              entry.internal(),
              entry.external(),
              entry.podCidrs(),
              entry.former() ? null : peers.peer(entry, self)));
    }
  }

  private List<IpAddress> addresses(String node, List<YamlValue> values, Map<Prefix, Place> ranges)
      throws ConfigException {
    List<IpAddress> addresses = new ArrayList<>();
    for (YamlValue value : values) {
      IpAddress address = address(value);
      cluster.range(value.place(), node, Prefix.host(address));
      ranges.put(Prefix.host(address), value.place());
      addresses.add(address);
    }
    return addresses;
  }

  static IpAddress address(YamlValue value) throws ConfigException {
    IpAddress address = Values.ip(value.place(), value.text());
    Values.requireNotLinkLocal(value.place(), address);
    return address;
  }

  private static void prefixes(List<YamlValue> values, List<Prefix> into) throws ConfigException {
    for (YamlValue value : values) {
      into.add(Values.prefix(value.place(), value.text()));
    }
  }

  static Set<String> texts(List<YamlValue> values) throws ConfigException {
    Set<String> texts = new HashSet<>();
    for (YamlValue value : values) {
      texts.add(value.text());
    }
    return texts;
  }

  static Map<String, String> labels(@Nullable YamlValue value) throws ConfigException {
    return value == null ? Map.of() : value.texts();
  }

  private void strict(@Nullable YamlValue value) throws ConfigException {
    if (value != null) {
      YamlMap strict = value.map(KnownKeys.STRICT);
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
    YamlMap classes = value.map(KnownKeys.ENCRYPT);
    boolean podToNode = truth(classes.get("podToNode"), true);
    encrypted(TrafficClass.POD_TO_POD, truth(classes.get("podToPod"), true));
    encrypted(TrafficClass.POD_TO_NODE, podToNode);
    // Both classes belong to the same connections, so they are set alike unless the file says
    // otherwise.
    encrypted(TrafficClass.NODE_TO_POD, truth(classes.get("nodeToPod"), podToNode));
    encrypted(TrafficClass.NODE_TO_NODE, truth(classes.get("nodeToNode"), true));
  }

  private void encrypted(TrafficClass traffic, boolean wanted) {
    if (!wanted) {
      cluster.encrypted.remove(traffic);
    }
  }
}
