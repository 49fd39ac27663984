// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import dev.culvert.cli.kit.TestCluster;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.kubernetes.Place;
import java.util.List;
import java.util.stream.Stream;

/**
 * The form of a {@link Mesh}. With both families, the API is reached by IPv6 and etcd by IPv4.
 *
 * @param nodes two or three
 * @param etcds the sites of the nodes that have etcd
 * @param apiServers the sites of the nodes that have an API server
 * @param nodesToo whether the nodes' network is in the cluster's ranges too
 */
record MeshForm(
    Families families, int nodes, List<Integer> etcds, List<Integer> apiServers, boolean nodesToo) {
  /** The API server on the first node, etcd on the second. */
  static final MeshForm APART = new MeshForm(Families.BOTH, 3, List.of(1), List.of(0), false);

  /** The same, with the nodes' network in the cluster's ranges. */
  static final MeshForm WITH_NODES = new MeshForm(Families.BOTH, 3, List.of(1), List.of(0), true);

  List<String> clusterCidrs() {
    Stream<String> pods = families.chosen("10.42.0.0/16", "fd42::/16").stream();
    Stream<String> network = families.chosen("192.0.2.0/25", "2001:db8::/121").stream();
    return nodesToo ? Stream.concat(pods, network).toList() : pods.toList();
  }

  /** The half of the nodes' network that nodes have; the router is outside of both. */
  List<String> nodeCidrs() {
    return nodesToo ? families.chosen("192.0.2.0/26", "2001:db8::/122") : List.of();
  }

  boolean isControlPlane(int site) {
    return etcds.contains(site) || apiServers.contains(site);
  }

  /** The sites of the control plane. */
  List<Integer> controlPlane() {
    return Stream.iterate(0, site -> site + 1).limit(nodes).filter(this::isControlPlane).toList();
  }

  List<Place> etcdPlaces(TestCluster cluster) {
    return etcds.stream()
        .map(cluster::site)
        .map(at -> Place.in(at.node(), "etcd-" + at.letter(), families.ofNode(at).getFirst()))
        .toList();
  }

  List<Place> apiPlaces(TestCluster cluster) {
    return apiServers.stream()
        .map(cluster::site)
        .map(at -> Place.in(at.node(), "api-" + at.letter(), apiAddress(at)))
        .toList();
  }

  String apiAddress(LabSite at) {
    return families.ofNode(at).getLast();
  }
}
