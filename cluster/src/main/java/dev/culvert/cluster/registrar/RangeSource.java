// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.resource.Node;
import dev.culvert.routing.Prefix;
import java.util.List;

/** The ranges of each node's pods at one moment, as the cluster's IPAM tells them. */
public interface RangeSource {
  /** The ranges of the pods of {@code node}. */
  Ranges of(Node node);

  /** Whether a node may own a single address in a range of another node. */
  default boolean lends() {
    return false;
  }

  /** A node's ranges, as far as they are known. */
  sealed interface Ranges {}

  /**
   * All ranges of the node.
   *
   * @param ranges sorted; there may be none
   */
  record Known(List<Prefix> ranges) implements Ranges {
    public Known {
      ranges = ranges.stream().sorted().distinct().toList();
    }
  }

  /**
   * The ranges are not known. Ranges accepted before stay.
   *
   * @param reason one word in CamelCase
   * @param message for people
   */
  record Unknown(String reason, String message) implements Ranges {}
}
