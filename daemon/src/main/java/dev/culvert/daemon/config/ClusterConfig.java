// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.Policy;

/**
 * The nodes of the cluster, and the traffic between them that is encrypted.
 *
 * @param self the name of the node that this gateway is on, one of the map's
 * @param complete whether the map names all of this node's own addresses and pods. If a file has
 *     only peers, it does not: the addresses and pods are asked of the kernel, and the lanes go by
 *     the peers' ranges alone
 */
public record ClusterConfig(String self, ClusterMap map, Policy policy, boolean complete) {
  /** The name of this node if its file does not name it. */
  public static final String UNNAMED = "this node";

  /** This configuration with another map. */
  public ClusterConfig with(ClusterMap other) {
    return new ClusterConfig(self, other, policy, complete);
  }
}
