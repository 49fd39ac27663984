// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import dev.culvert.daemon.admin.ControlPlaneView;
import dev.culvert.daemon.config.ClusterConfig;

/** The nodes of the cluster, and the control plane that names them. */
final class ClusterFamilies {
  private static final String KUBERNETES = "kubernetes";

  private ClusterFamilies() {}

  static void add(Reading reading, Families families) {
    ClusterConfig cluster = reading.config().cluster();
    ControlPlaneView api = reading.controlPlane();
    if (cluster.scope() != ClusterConfig.Scope.PEERS) {
      String source = api == null ? "static" : KUBERNETES;
      families.add(Metric.CLUSTER_NODES, cluster.map().nodes().size(), source);
      families.add(
          Metric.CLUSTER_ENDPOINTS,
          cluster.map().nodes().stream().mapToLong(node -> node.podCidrs().size()).sum(),
          source);
      Reading.Applied applied = reading.applied();
      families.summary(Metric.CLUSTER_APPLY, applied.count(), applied.seconds(), source);
    }
    if (api != null) {
      families.addIfKnown(Metric.CLUSTER_SYNC, api.lastSyncTimestampSeconds(), KUBERNETES);
      families.add(Metric.CLUSTER_FAILURES, api.failures(), KUBERNETES);
    }
  }
}
