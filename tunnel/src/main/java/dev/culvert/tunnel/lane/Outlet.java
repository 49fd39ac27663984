// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.engine.Counters;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.port.IpFamily;
import dev.culvert.tunnel.port.SendBatch;
import dev.culvert.tunnel.port.SendListener;
import dev.culvert.tunnel.port.SocketPort;
import dev.culvert.tunnel.train.Train;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The sender of one lane and address family: sealed trains gather here and are sent in one call.
 */
final class Outlet implements SendListener {
  private final SendBatch batch;
  private final @Nullable TunnelPeer[] peers = new TunnelPeer[OutboundTrains.COUNT];
  private final SelfTraffic self;
  private final SegmentationSwitch segmentation;
  private final Counters<LaneCounter> counters;
  private final DropCounters drops;
  private @Nullable SocketPort socket;

  /** Of the inner packets that were added. */
  private int innerBytes;

  Outlet(IpFamily family, SelfTraffic self, SegmentationSwitch segmentation, LaneKit kit) {
    this.self = self;
    this.segmentation = segmentation;
    batch = new SendBatch(family, OutboundTrains.COUNT, kit.memory());
    counters = kit.counters();
    drops = kit.drops();
  }

  void use(@Nullable SocketPort newSocket) {
    socket = newSocket;
  }

  /** Whether a train is handed to the kernel as one message now. */
  boolean isSegmented(long now) {
    SocketPort via = socket;
    return via != null && via.segmentation() && segmentation.isOn(now);
  }

  void add(Train sealed, TunnelPeer peer, Endpoint to) {
    self.sendingTo(to);
    peers[batch.count()] = peer;
    innerBytes += sealed.innerBytes();
    batch.add(
        sealed.memory(),
        sealed.slot(0),
        sealed.sealedBytes(),
        sealed.stride(),
        to,
        sealed.tos(),
        sealed.fragmentation());
  }

  void send(long now) {
    int trains = batch.count();
    if (trains == 0) {
      return;
    }
    SocketPort via = socket;
    if (via != null) {
      via.send(batch, this, segmentation.isOn(now));
    }
    for (int i = 0; i < trains; i++) {
      int failed = via == null ? batch.packets(i) : batch.failedPackets(i);
      if (failed > 0) {
        drops.count(DropReason.SEND_FAILED, failed);
      }
      counters.count(LaneCounter.PACKETS_SENT, batch.packets(i) - failed);
      counters.count(LaneCounter.TRAINS_SENT);
    }
    counters.count(LaneCounter.BYTES_SENT, via == null ? 0 : innerBytes);
    clear();
  }

  /** Forgets the added trains. */
  void clear() {
    Arrays.fill(peers, 0, batch.count(), null);
    innerBytes = 0;
    batch.clear();
  }

  @Override
  public void onRefusedSource(int train) {
    TunnelPeer peer = peers[train];
    if (peer != null) {
      peer.forgetSource(batch.to(train));
    }
  }
}
