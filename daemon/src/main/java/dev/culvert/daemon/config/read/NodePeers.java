// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import org.jspecify.annotations.Nullable;

/** Makes an engine's peers of a cluster's nodes. */
interface NodePeers {
  /** The keys of a node's entry that only this engine has. */
  KnownKeys keys();

  /**
   * Makes a peer of a node, unless it is this node.
   *
   * @param self this node's entry, or null if the file has none: it will be refused
   * @return the node's identity in the engine; null if it has none yet, so packets to it cannot be
   *     encrypted, and none leave
   */
  @Nullable String peer(NodeEntry node, @Nullable NodeEntry self) throws ConfigException;
}
