// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.engine.Counters;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.port.RawPort;
import dev.culvert.tunnel.port.SocketPort;
import dev.culvert.tunnel.port.TunOffloads;
import dev.culvert.tunnel.port.TunPort;
import java.io.IOException;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One event loop with one TUN queue, one socket per family, buffers and counters. Packets run to
 * completion on it, out by the {@link OutboundPath} and in by the {@link InboundPath}. Nothing here
 * allocates, locks or waits, except that a batch which is shared with helpers waits for them to
 * finish.
 */
public final class Lane implements AutoCloseable {
  private final LaneRouter router;
  private final DataPath dataPath;
  private final Runnable wakeControl;
  private final LaneKit kit;
  private int restsInARow;
  private final InboundPath inbound;
  private final OutboundPath outbound;

  public Lane(
      TunPort tun,
      TunOffloads offloads,
      LaneRouter router,
      DataPath dataPath,
      HelperLanes helpers,
      Overhead overhead,
      Runnable wakeControl,
      SelfTraffic self,
      SegmentationSwitch segmentation,
      LongSupplier clock,
      LostPackets.Listener losses,
      StageTimes stages,
      int mtu) {
    kit = new LaneKit(losses, stages, clock);
    this.router = router;
    this.dataPath = dataPath;
    this.wakeControl = wakeControl;
    TrainRing helped = helpers.newRing(dataPath);
    SegmentationWatch watch = new SegmentationWatch(segmentation);
    inbound = new InboundPath(tun, offloads, router, dataPath, helped, self, watch, kit);
    outbound =
        new OutboundPath(
            tun,
            router,
            dataPath,
            helped,
            self,
            segmentation,
            watch,
            overhead,
            mtu,
            kit,
            inbound::writeToTun);
  }

  /** Handles a TUN queue that has packets. */
  void onTun() throws IOException {
    restsInARow = 0;
    outbound.onTun();
    wakeControl.run();
  }

  /** Handles a socket that has datagrams, or raw ESP packets. */
  public void onUdp(SocketPort socket) throws IOException {
    restsInARow = 0;
    inbound.onUdp(socket);
    wakeControl.run();
  }

  /**
   * Called periodically on the lane's thread: if no packet moved since the last call, the ciphers
   * forget their last keys.
   */
  void rest() {
    if (++restsInARow == 2) {
      dataPath.forgetKeys();
    }
  }

  /**
   * Replaces the sockets that carry the tunnel; null if the machine lacks the family. Called on the
   * lane's own thread.
   */
  public void useSockets(@Nullable SocketPort v4, @Nullable SocketPort v6) {
    outbound.useSockets(v4, v6);
  }

  /**
   * Replaces the sockets of packets that leave in clear on purpose; null if the machine lacks the
   * family. Called on the lane's own thread.
   */
  public void useClearSockets(@Nullable RawPort v4, @Nullable RawPort v6) {
    outbound.useClearSockets(v4, v6);
  }

  /** Sets the interface's MTU in bytes, for padding. */
  public void mtu(int newMtu) {
    outbound.mtu(newMtu);
  }

  /**
   * Sets the largest packet that fits the underlay, in bytes. Larger packets that must not be
   * fragmented get a too-big reply.
   */
  public void limit(int newLimit) {
    outbound.limit(newLimit);
  }

  public Counters<LaneCounter> counters() {
    return kit.counters();
  }

  /** The packets that this lane dropped outside of the engine. */
  public DropCounters drops() {
    return kit.drops();
  }

  public TrafficCounters traffic() {
    return router.traffic();
  }

  public StageTimes stages() {
    return kit.stages();
  }

  public DataPath dataPath() {
    return dataPath;
  }

  /** Gives the buffers back. The lane's thread must have finished its last packet. */
  @Override
  public void close() {
    kit.memory().close();
  }
}
