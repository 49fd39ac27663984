// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.Policy;

/**
 * The nodes of the cluster, and the traffic between them that is encrypted.
 *
 * @param self the name of the node that this gateway is on, one of the map's
 * @param scope the part of the cluster that the map names
 */
public record ClusterConfig(String self, ClusterMap map, Policy policy, Scope scope) {
  /** The name of this node if its file does not name it. */
  public static final String UNNAMED = "this node";

  /** The part of the cluster that a map names. */
  public enum Scope {
    /** Peers without their own addresses. The lanes go by the peers' ranges alone. */
    PEERS,

    /** All known nodes, but of this one only its name. */
    OTHER_NODES,

    /** All known nodes with their addresses and pods. */
    NODES;

    /** Whether this node's addresses and pods have to be asked of the kernel. */
    public boolean lacksSelf() {
      return this != NODES;
    }
  }

  /** This configuration with another map. */
  public ClusterConfig with(ClusterMap other) {
    return new ClusterConfig(self, other, policy, scope);
  }
}
