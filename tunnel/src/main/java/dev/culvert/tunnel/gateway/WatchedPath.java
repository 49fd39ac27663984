// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DatagramSource;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.train.Train;

/**
 * A lane's data path that checks, before the first counter of each batch is reserved, whether this
 * machine was restored. Trains of one batch have the same time, which tells batches apart.
 */
public final class WatchedPath implements DataPath {
  private final DataPath path;
  private final RestoreWatch watch;
  private long lookedAt = Long.MIN_VALUE;

  public WatchedPath(DataPath path, RestoreWatch watch) {
    this.path = path;
    this.watch = watch;
  }

  @Override
  public SealResult reserve(TunnelPeer peer, Train train, long nowNanos) {
    if (nowNanos != lookedAt) {
      watch.look(nowNanos);
      // Set after the check: if the check throws, the batch's other trains need it too.
      lookedAt = nowNanos;
    }
    return path.reserve(peer, train, nowNanos);
  }

  @Override
  public void encipher(Train train) {
    path.encipher(train);
  }

  @Override
  public void release(Train train) {
    path.release(train);
  }

  @Override
  public int runLength(Train received, int first) {
    return path.runLength(received, first);
  }

  @Override
  public int open(Train run, DatagramSource from, long nowNanos) {
    return path.open(run, from, nowNanos);
  }

  @Override
  public void forgetKeys() {
    path.forgetKeys();
  }

  @Override
  public DropCounters drops() {
    return path.drops();
  }
}
