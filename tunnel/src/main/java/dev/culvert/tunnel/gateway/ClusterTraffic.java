package dev.culvert.tunnel.gateway;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.Mark;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.lane.ClusterRoutes;
import dev.culvert.tunnel.lane.Lanes;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * What decides over a cluster's packets: the classifier in force with the engine's peers for it,
 * and the raw sockets of what leaves in clear on purpose. Changed on the control thread, where
 * nothing is before the first classifier; lanes see a change between two batches.
 */
final class ClusterTraffic implements AutoCloseable {
  private final TunnelEngine engine;
  private final AtomicReference<@Nullable ClusterRoutes> routes = new AtomicReference<>();
  private @Nullable ClearSockets sockets;
  private boolean closed;

  ClusterTraffic(TunnelEngine engine) {
    this.engine = engine;
  }

  /** What is in force, or null. Any thread. */
  @Nullable ClusterRoutes routes() {
    return routes.get();
  }

  /** The mark of what leaves in clear, 0 before there is any. */
  synchronized int bypassMark() {
    return sockets == null ? 0 : sockets.mark();
  }

  /**
   * Puts a classifier in force.
   *
   * @param lanes that get the raw sockets
   * @param bypass the mark of what leaves in clear
   * @throws ErrnoException where there are no raw sockets to be had, or they do not take the mark;
   *     what was in force stays
   * @throws IllegalArgumentException where two nodes share a peer; what was in force stays
   */
  synchronized void use(Classifier classifier, Mark bypass, Lanes lanes) throws ErrnoException {
    if (closed) {
      return;
    }
    ClusterRoutes next = ClusterRoutes.of(classifier, engine::peer);
    ClearSockets before = sockets;
    if (before == null) {
      ClearSockets fresh = ClearSockets.open(lanes.count(), bypass.value());
      sockets = fresh;
      lanes.onEach((i, lane) -> lane.useClearSockets(fresh.v4(i), fresh.v6(i)));
    } else {
      before.mark(bypass.value());
    }
    routes.set(next);
  }

  /** The engine's peers changed: finds them anew for the classifier. */
  void peersChanged() {
    ClusterRoutes before = routes.get();
    if (before != null) {
      routes.set(ClusterRoutes.of(before.classifier(), engine::peer));
    }
  }

  /** Closes the sockets. The lanes have to be done with them. */
  @Override
  public synchronized void close() {
    closed = true;
    if (sockets != null) {
      sockets.close();
    }
  }
}
