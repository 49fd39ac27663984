// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.claim;

import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.CulvertNode;
import org.jspecify.annotations.Nullable;

/** Proves that the owner of the key that was accepted approves the one in its place. */
@FunctionalInterface
public interface KeyProver {
  /** For a node that kept no key from before. */
  KeyProver NONE = (node, nodeUid, oldKey, newKey) -> null;

  /**
   * The proof; null if it cannot be had now.
   *
   * @param oldKey base64
   * @param newKey base64; null if this node gives up its key
   */
  CulvertNode.@Nullable Proof prove(
      String node, String nodeUid, String oldKey, @Nullable String newKey) throws KubeException;
}
