// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.util.Locale;

/** The class of a packet between two nodes, by its source and its destination. */
public enum TrafficClass {
  POD_TO_POD,
  POD_TO_NODE,
  NODE_TO_POD,
  NODE_TO_NODE;

  public static TrafficClass of(boolean fromNode, boolean toNode) {
    return fromNode ? toNode ? NODE_TO_NODE : NODE_TO_POD : toNode ? POD_TO_NODE : POD_TO_POD;
  }

  public boolean fromNode() {
    return this == NODE_TO_POD || this == NODE_TO_NODE;
  }

  public boolean toNode() {
    return this == POD_TO_NODE || this == NODE_TO_NODE;
  }

  /** Text for people, such as {@code pod-to-node}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
