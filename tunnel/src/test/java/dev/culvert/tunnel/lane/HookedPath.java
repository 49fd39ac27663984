// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DatagramSource;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.train.Train;

/** A way through an engine, with something that happens before a train is enciphered or opened. */
record HookedPath(DataPath path, Runnable hook) implements DataPath {
  @Override
  public SealResult reserve(TunnelPeer peer, Train train, long nowNanos) {
    return path.reserve(peer, train, nowNanos);
  }

  @Override
  public void encipher(Train train) {
    hook.run();
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
    hook.run();
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
