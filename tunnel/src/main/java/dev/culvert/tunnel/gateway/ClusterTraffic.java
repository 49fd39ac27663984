// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.Mark;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.lane.ClusterRoutes;
import dev.culvert.tunnel.lane.Lanes;
import dev.culvert.tunnel.port.IpFamily;
import dev.culvert.tunnel.port.MarkedSocket;
import dev.culvert.tunnel.port.PerLane;
import dev.culvert.tunnel.port.RawPort;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The classifier in force with the engine's peers for it, and the raw sockets for packets that
 * leave in clear on purpose. Empty before the first classifier. The control thread changes it;
 * lanes see a change between two batches.
 */
final class ClusterTraffic implements AutoCloseable {
  private final TunnelEngine engine;
  private final AtomicReference<@Nullable ClusterRoutes> routes = new AtomicReference<>();
  private @Nullable PerLane<RawPort> sockets;
  private int bypassMark;
  private boolean closed;

  ClusterTraffic(TunnelEngine engine) {
    this.engine = engine;
  }

  /** The classifier in force with its peers, or null. Thread-safe. */
  @Nullable ClusterRoutes routes() {
    return routes.get();
  }

  /** The mark of packets that leave in clear, 0 before the first classifier. */
  synchronized int bypassMark() {
    return bypassMark;
  }

  /**
   * Puts a classifier in force.
   *
   * @param lanes the lanes that get the raw sockets
   * @param bypass the mark of packets that leave in clear
   * @throws ErrnoException if raw sockets cannot be opened, or do not take the mark; the old
   *     classifier stays
   * @throws IllegalArgumentException if two nodes share a peer; the old classifier stays
   */
  synchronized void use(Classifier classifier, Mark bypass, Lanes lanes) throws ErrnoException {
    if (closed) {
      return;
    }
    ClusterRoutes next = ClusterRoutes.of(classifier, engine::peer);
    int mark = bypass.value();
    if (sockets == null) {
      PerLane<RawPort> fresh =
          PerLane.open(lanes.count(), (family, lane) -> RawPort.open(family, mark));
      sockets = fresh;
      lanes.onEach(
          (i, lane) -> lane.useClearSockets(fresh.of(i, IpFamily.V4), fresh.of(i, IpFamily.V6)));
    } else if (mark != bypassMark) {
      MarkedSocket.markAll(sockets.all(), bypassMark, mark);
    }
    bypassMark = mark;
    routes.set(next);
  }

  /** Looks up the peers for the classifier again after the engine's peers changed. */
  void peersChanged() {
    ClusterRoutes before = routes.get();
    if (before != null) {
      routes.set(ClusterRoutes.of(before.classifier(), engine::peer));
    }
  }

  /** Closes the sockets. The lanes must not use them any more. */
  @Override
  public synchronized void close() {
    closed = true;
    if (sockets != null) {
      sockets.close();
    }
  }
}
