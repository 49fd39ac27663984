// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.cluster.registrar.RangeKind;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.daemon.config.KubernetesConfig.EmbeddedRegistrar;
import dev.culvert.daemon.config.Place;
import dev.culvert.daemon.config.Values;
import dev.culvert.daemon.config.read.YamlValue.YamlMap;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The part of the format that is about discovery through the Kubernetes API. */
final class KubernetesFormat {
  /** The variable that a DaemonSet fills from {@code spec.nodeName} of its pod. */
  static final String NODE_NAME = "NODE_NAME";

  private static final PortRange ETCD = new PortRange(2379, 2380);

  private final YamlMap map;
  private final Path directory;

  /**
   * @param directory the directory of relative paths
   */
  KubernetesFormat(YamlValue section, Path directory) throws ConfigException {
    map = section.map(KnownKeys.KUBERNETES);
    this.directory = directory;
  }

  /**
   * Refuses keys that do not go together with nodes from the API, or that are missing beside it.
   *
   * @param spec the whole specification
   */
  void check(YamlMap spec) throws ConfigException {
    for (String key : List.of("nodes", "peers")) {
      YamlValue given = spec.get(key);
      if (given != null) {
        throw given.place().error("with discovery.kubernetes the nodes come from the API alone");
      }
    }
    if (spec.list("clusterCIDRs").isEmpty() && spec.get("cluster") == null) {
      throw map.place()
          .error(
              "needs 'spec.clusterCIDRs', the ranges of the cluster's pods: before the API"
                  + " answers, nothing else says which addresses must not be reached in clear");
    }
  }

  /**
   * The name of this node: of {@code spec.node}, this section, or the environment.
   *
   * @param node the value of {@code spec.node}
   */
  Given<String> nodeName(@Nullable YamlValue node, UnaryOperator<@Nullable String> environment)
      throws ConfigException {
    YamlValue here = map.get("nodeName");
    if (here != null && node != null && !here.text().equals(node.text())) {
      throw here.place()
          .error("'" + here.text() + "' is not the node of spec.node, " + node.text());
    }
    YamlValue given = here == null ? node : here;
    if (given != null) {
      return named(given.text(), given.place());
    }
    String variable = environment.apply(NODE_NAME);
    if (variable == null) {
      throw map.place()
          .error("needs the key 'nodeName', 'spec.node', or the environment variable " + NODE_NAME);
    }
    return named(variable, map.place());
  }

  /** A name that is safe in a path of the API. */
  private static Given<String> named(String name, Place place) throws ConfigException {
    if (!name.matches("[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")) {
      throw place.error("'" + name + "' is no name of a node of Kubernetes");
    }
    return new Given<>(name, place);
  }

  KubernetesConfig config() throws ConfigException {
    List<IpAddress> controlPlane = new ArrayList<>();
    for (YamlValue address : map.require("controlPlane").list()) {
      controlPlane.add(ClusterFormat.address(address));
    }
    if (controlPlane.isEmpty()) {
      throw map.require("controlPlane").place().error("needs the address of an API server");
    }
    YamlValue port = map.get("apiServerPort");
    int apiServerPort =
        port == null
            ? KubernetesConfig.API_SERVER_PORT
            : (int) Values.number(port.place(), port.text(), 1, 65_535);
    YamlValue kubeconfig = map.get("kubeconfig");
    return new KubernetesConfig(
        controlPlane,
        apiServerPort,
        exemptPorts(apiServerPort),
        ranges("nodeCIDRs"),
        kubeconfig == null ? null : directory.resolve(YamlFormat.path(kubeconfig)),
        registrar());
  }

  private List<PortRange> exemptPorts(int apiServerPort) throws ConfigException {
    YamlValue given = map.get("controlPlaneExemptPorts");
    if (given == null) {
      return List.of(ETCD, PortRange.of(apiServerPort));
    }
    List<PortRange> ports = ExemptionFormat.ports(given);
    if (ports.stream().noneMatch(r -> r.first() <= apiServerPort && apiServerPort <= r.last())) {
      throw given
          .place()
          .error(
              "lacks the API server's port "
                  + apiServerPort
                  + ": a node without keys could not ask for those of the others");
    }
    return ports;
  }

  private @Nullable EmbeddedRegistrar registrar() throws ConfigException {
    YamlValue value = map.get("registrar");
    String where = value == null ? "separate" : value.text();
    if (value != null && !where.equals("embedded") && !where.equals("separate")) {
      throw value.place().error("must be embedded or separate");
    }
    if (where.equals("embedded")) {
      return new EmbeddedRegistrar(podRanges(), ranges("serviceCIDRs"));
    }
    for (String key : List.of("podRanges", "serviceCIDRs")) {
      YamlValue given = map.get(key);
      if (given != null) {
        throw given.place().error("only with 'registrar: embedded'");
      }
    }
    return null;
  }

  private RangeKind podRanges() throws ConfigException {
    YamlValue value = map.get("podRanges");
    if (value == null) {
      return RangeKind.AUTO;
    }
    return switch (value.text()) {
      case "auto" -> RangeKind.AUTO;
      case "nodes" -> RangeKind.NODES;
      case "calico" -> RangeKind.CALICO;
      case "cilium" -> RangeKind.CILIUM;
      case "pods" -> RangeKind.PODS;
      default -> throw value.place().error("must be auto, nodes, calico, cilium or pods");
    };
  }

  /**
   * Refuses ranges of nodes that hold a range of the cluster: in such a range are pods, and a pod
   * that is not known yet would count as a node that joins.
   *
   * @param clusterCidrs the ranges of the file
   */
  void checkNodeCidrs(List<Prefix> clusterCidrs) throws ConfigException {
    for (YamlValue value : map.list("nodeCIDRs")) {
      Prefix nodes = Values.prefix(value.place(), value.text());
      for (Prefix cidr : clusterCidrs) {
        if (nodes.contains(cidr) && !nodes.equals(cidr)) {
          throw value
              .place()
              .error(
                  nodes
                      + " holds "
                      + cidr
                      + " of clusterCIDRs: name the networks of nodes alone, with no pod in them");
        }
      }
    }
  }

  private List<Prefix> ranges(String key) throws ConfigException {
    List<Prefix> ranges = new ArrayList<>();
    for (YamlValue value : map.list(key)) {
      ranges.add(Values.prefix(value.place(), value.text()));
    }
    return ranges;
  }
}
