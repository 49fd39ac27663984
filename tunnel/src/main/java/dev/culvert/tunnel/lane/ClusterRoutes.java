// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.routing.Classifier;
import dev.culvert.tunnel.engine.TunnelPeer;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A classifier with the engine's peers for its nodes, which are looked up once and not per packet.
 * Immutable.
 */
public final class ClusterRoutes {
  private static final Integer NOBODY = -1;

  private final Classifier classifier;
  private final @Nullable TunnelPeer[] peers;
  private final IdentityHashMap<Object, Integer> nodes = new IdentityHashMap<>();

  private ClusterRoutes(Classifier classifier, @Nullable TunnelPeer[] peers) {
    this.classifier = classifier;
    this.peers = peers;
  }

  /**
   * Finds the peers of a classifier's nodes.
   *
   * @param peerOf returns the engine's peer for the classifier's name of it, or null
   * @throws IllegalArgumentException if two nodes have one peer, since a packet's node would be
   *     ambiguous
   */
  public static ClusterRoutes of(
      Classifier classifier, Function<String, @Nullable TunnelPeer> peerOf) {
    List<@Nullable String> names = classifier.peers();
    ClusterRoutes routes = new ClusterRoutes(classifier, new TunnelPeer[names.size()]);
    for (int node = 0; node < names.size(); node++) {
      String name = names.get(node);
      TunnelPeer peer = name == null ? null : peerOf.apply(name);
      if (peer != null && routes.nodes.put(peer, node) != null) {
        throw new IllegalArgumentException("two nodes with the peer " + name);
      }
      routes.peers[node] = peer;
    }
    return routes;
  }

  public Classifier classifier() {
    return classifier;
  }

  /** The peer of the classifier's node of that index, or null if the engine has none. */
  @Nullable TunnelPeer peer(int node) {
    return peers[node];
  }

  /** The index of {@code peer}'s node in the classifier, or -1. */
  int node(@Nullable Object peer) {
    return nodes.getOrDefault(peer, NOBODY);
  }
}
