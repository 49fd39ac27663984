// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.util.Locale;

/** The reason why the classifier drops a packet. */
public enum Refusal {
  /**
   * The destination is in the cluster's ranges, but no node owns it: for example a new pod that is
   * not known here yet.
   */
  NO_OWNER,
  /** The destination's owner has no identity to encrypt for. */
  NO_PEER,
  /** The destination is this node itself, whose packets do not belong into the tunnel. */
  LOCAL_DESTINATION,
  /** The destination is outside of the cluster. */
  OUTSIDE_CLUSTER,
  /** The source is not this node or one of its pods; the receiver would refuse the packet. */
  FOREIGN_SOURCE;

  /** Text for people, such as {@code no owner}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }
}
