// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import org.jspecify.annotations.Nullable;

/** How an engine makes peers of a cluster's nodes. */
interface NodePeers {
  /** The keys of a node's entry that only this engine has. */
  KnownKeys keys();

  /**
   * Makes a peer of a node, unless it is this one.
   *
   * @param self this node's entry, or null if the file has none: it will be refused
   * @return what the engine knows the node by, or null: it has no identity yet, so nothing can be
   *     encrypted for it, and nothing leaves
   */
  @Nullable String peer(NodeEntry node, @Nullable NodeEntry self) throws ConfigException;
}
