// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The source of the nodes that {@code discovery} speaks of. */
sealed interface NodeSource {
  /**
   * The file that {@code discovery} names, among whose nodes this one has to be, or else the API.
   *
   * @param known the cluster as the API told it
   */
  record Present(KnownCluster known) implements NodeSource {}

  /**
   * A file in place of the one that {@code discovery} names, before the network is up. This node
   * need not be among the nodes, since the guard is loaded with the nodes that are known.
   *
   * @param file null for none, as if {@code discovery} named no nodes
   */
  record AtBoot(@Nullable Path file) implements NodeSource {}

  /** Whether this node has to be among the nodes of a file. */
  default boolean selfRequired() {
    return this instanceof Present;
  }

  /** The file to read; null for none. */
  default @Nullable Path inPlaceOf(Path named) {
    return this instanceof AtBoot boot ? boot.file() : named;
  }

  /** The cluster as the API told it. */
  default KnownCluster known() {
    return this instanceof Present present ? present.known() : KnownCluster.NOTHING;
  }
}
