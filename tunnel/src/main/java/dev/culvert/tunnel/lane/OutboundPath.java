// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import static dev.culvert.tunnel.lane.StageTimes.Stage.*;

import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.offload.Ecn;
import dev.culvert.tunnel.offload.InnerPacket;
import dev.culvert.tunnel.offload.Segmenter;
import dev.culvert.tunnel.offload.TunWriter;
import dev.culvert.tunnel.offload.VnetHeader;
import dev.culvert.tunnel.port.IpFamily;
import dev.culvert.tunnel.port.RawPort;
import dev.culvert.tunnel.port.SocketPort;
import dev.culvert.tunnel.port.TunPort;
import dev.culvert.tunnel.train.Fragmentation;
import dev.culvert.tunnel.train.Train;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The path of leaving packets, from the TUN queue to the socket: (1) read a super-packet, (2) look
 * up its peer, (3) split it into a train that is already laid out for the wire, (4) seal the train
 * in place, (5) send all trains with one call. Belongs to a {@link Lane}, which documents the
 * threads.
 */
final class OutboundPath {
  /** The most reads before the socket gets its turn. */
  private static final int TUN_READS = 32;

  /**
   * The number of packets from which a batch is sent without reading more: enough to spread the
   * cost of the call, few enough to stay in the caches.
   */
  private static final int PACKETS_A_SEND = 128;

  /**
   * The number of helpers up to which a batch grows; it then has enough trains for more helpers.
   */
  private static final int MOST_PER_BATCH = 4;

  private static final int MAX_SUPER_PACKET = TunPort.HEADER_BYTES + Train.BUFFER_BYTES;

  private final TunPort tun;
  private final LaneRouter router;
  private final DataPath dataPath;
  private final TrainRing helped;
  private final SelfTraffic self;
  private final int packetsASend;
  private final Overhead overhead;
  private final LongSupplier clock;
  private final DropCounters drops;
  private final LostPackets lost;
  private final StageTimes stages;
  private final SegmentationWatch watch;
  private final MemorySegment superPacket;
  private final Segmenter segmenter = new Segmenter();
  private final OutboundTrains trains;
  private final Outlet outlet4;
  private final Outlet outlet6;
  private final ClearOutlet clearOutlet;
  private final IcmpReplies icmpReplies;
  private volatile int mtu;
  private volatile int limit = Integer.MAX_VALUE;

  /**
   * @param helped the lane's ring
   * @param replies sends ICMP replies to senders whose packets are dropped
   */
  OutboundPath(
      TunPort tun,
      LaneRouter router,
      DataPath dataPath,
      TrainRing helped,
      SelfTraffic self,
      SegmentationSwitch segmentation,
      SegmentationWatch watch,
      Overhead overhead,
      int mtu,
      LaneKit kit,
      TunWriter replies) {
    this.tun = tun;
    this.router = router;
    this.dataPath = dataPath;
    this.helped = helped;
    this.self = self;
    this.watch = watch;
    packetsASend = PACKETS_A_SEND * (1 + Math.min(helped.helpers(), MOST_PER_BATCH));
    this.overhead = overhead;
    clock = kit.clock();
    this.mtu = mtu;
    drops = kit.drops();
    lost = kit.lost();
    stages = kit.stages();
    LaneMemory buffers = kit.memory();
    superPacket = buffers.allocate(MAX_SUPER_PACKET, 64);
    trains = new OutboundTrains(buffers.allocate(OutboundTrains.BYTES, 64), overhead.headroom());
    outlet4 = new Outlet(IpFamily.V4, self, segmentation, kit);
    outlet6 = new Outlet(IpFamily.V6, self, segmentation, kit);
    clearOutlet = new ClearOutlet(buffers);
    icmpReplies = new IcmpReplies(buffers, replies);
  }

  /** Handles a TUN queue that has packets. */
  void onTun() throws IOException {
    boolean done = false;
    try {
      readAndSend();
      done = true;
    } finally {
      if (!done) {
        forgetBatch();
      }
    }
  }

  private void readAndSend() throws IOException {
    router.begin();
    long now = clock.getAsLong();
    for (int reads = 0; reads < TUN_READS; reads++) {
      long start = stages.now();
      int length = tun.read(superPacket, 0, MAX_SUPER_PACKET);
      if (length == 0) {
        break;
      }
      take(length, stages.spent(READ, start), now);
      if (trains.packets() >= packetsASend) {
        sealAndSend(now);
      }
    }
    sealAndSend(now);
  }

  /**
   * Forgets a batch whose handling threw. Nothing of it may be left, since a later send from the
   * same buffers could send unsealed bytes, or bytes sealed for another peer.
   */
  private void forgetBatch() {
    outlet4.clear();
    outlet6.clear();
    helped.drain();
    for (int i = 0; i < trains.count(); i++) {
      dataPath.release(trains.train(i));
    }
    lost.add(trains.packets());
    trains.clear();
  }

  /** Puts the packets of one read into trains, or drops them and replies. */
  private void take(int length, long readAt, long now) {
    TunnelPeer peer = null;
    try {
      if (!segmenter.begin(superPacket, 0, length)) {
        drops.count(DropReason.MALFORMED);
        return;
      }
      Endpoint looped = self.own(segmenter.packet(), superPacket, VnetHeader.SIZE);
      if (looped != null) {
        drops.count(DropReason.LOOPED, segmenter.packets());
        self.looped(looped, now);
        return;
      }
      peer = router.route(superPacket, VnetHeader.SIZE, segmenter);
      if (peer == null) {
        keepOut(now);
        return;
      }
      long start = stages.spent(CLASSIFY, readAt);
      split(peer, now);
      stages.spent(SPLIT, start);
    } catch (UncheckedIOException e) {
      // The device was removed, so no reply can be sent.
      throw e;
    } catch (Throwable e) {
      lost.add(peer == null ? 1 : trains.discard(peer), e);
    }
  }

  /** Handles a packet that is not for the tunnel: it leaves in clear on purpose, or is dropped. */
  private void keepOut(long now) {
    DropReason refusal = router.refusal();
    if (refusal != null) {
      drops.count(refusal, segmenter.packets());
      icmpReplies.refused(refusal, superPacket, VnetHeader.SIZE, segmenter.packet(), now);
      return;
    }
    int failed = segmenter.packets() - clearOutlet.send(segmenter);
    if (failed > 0) {
      drops.count(DropReason.SEND_FAILED, failed);
    }
  }

  private void split(TunnelPeer peer, long now) {
    InnerPacket packet = segmenter.packet();
    boolean copies = overhead.copiesTos();
    int tos = copies ? packet.tos() : Ecn.encapsulate(packet.tos());
    Fragmentation fragmentation = copies ? packet.fragmentation() : Fragmentation.BY_KERNEL;
    int tunnelMtu = mtu;
    if (segmenter.nextLength() > limit && packet.fragmentation() == Fragmentation.FORBIDDEN) {
      dropTooBig(packet, now);
      return;
    }
    while (segmenter.hasNext()) {
      int sealedLength = overhead.sealedLength(segmenter.nextLength(), tunnelMtu);
      Train train = trains.trainFor(peer, sealedLength, tos, fragmentation);
      if (train == null) {
        long start = stages.now();
        sealAndSend(now);
        stages.outside(SPLIT, start);
      } else if (!train.accepts(sealedLength)) {
        dropTooBig(packet, now);
        return;
      } else {
        trains.added(segmenter.fill(train, overhead, tunnelMtu));
      }
    }
  }

  /**
   * Drops a packet that is too big. For a super-packet the first segment decides, since none is
   * larger.
   */
  private void dropTooBig(InnerPacket packet, long now) {
    drops.count(DropReason.TOO_BIG, segmenter.packets());
    icmpReplies.tooBig(superPacket, VnetHeader.SIZE, packet, Math.min(limit, mtu), now);
  }

  private void sealAndSend(long now) {
    boolean done = false;
    try {
      long start = stages.now();
      watch(now);
      if (helped.pays(trains.packets())) {
        sealWithHelpers(now);
      } else {
        for (int i = 0; i < trains.count(); i++) {
          seal(trains.train(i), trains.peer(i), now);
        }
      }
      start = stages.spent(SEAL, start);
      send(now);
      stages.spent(SEND, start);
      stages.batch(READ, SEND, trains.packets());
      trains.clear();
      done = true;
    } finally {
      if (!done) {
        forgetBatch();
      }
    }
  }

  private void watch(long now) {
    for (int i = 0; i < trains.count(); i++) {
      TunnelPeer peer = trains.peer(i);
      Endpoint to = peer.endpoint();
      watch.leaving(peer, trains.train(i), to != null && outlet(to).isSegmented(now), now);
    }
  }

  private void seal(Train train, TunnelPeer peer, long now) {
    try {
      if (train.packets() > 0 && dataPath.seal(peer, train, now) == SealResult.SEALED) {
        address(train, peer);
      }
    } catch (Throwable e) {
      lose(train, e);
    }
  }

  private void lose(Train train, Throwable why) {
    dataPath.release(train);
    lost.add(train.packets(), why);
  }

  private void address(Train sealed, TunnelPeer peer) {
    Endpoint to = peer.endpoint();
    if (to == null) {
      drops.count(DropReason.NO_ENDPOINT, sealed.packets());
    } else {
      outlet(to).add(sealed, peer, to);
    }
  }

  private Outlet outlet(Endpoint to) {
    return to.address().v4() ? outlet4 : outlet6;
  }

  private void send(long now) {
    outlet4.send(now);
    outlet6.send(now);
  }

  /**
   * Seals and sends all trains, shared with helpers: finished trains are sent while helpers work on
   * the others.
   */
  private void sealWithHelpers(long now) {
    for (int i = 0; i < trains.count(); i++) {
      reserve(trains.train(i), trains.peer(i), now);
    }
    while (!helped.isEmpty()) {
      if (!helped.isReady()) {
        long start = stages.now();
        send(now);
        stages.within(SEAL, SEND, start);
      }
      addressOldest();
    }
  }

  private void reserve(Train train, TunnelPeer peer, long now) {
    boolean reserved = false;
    try {
      reserved = train.packets() > 0 && dataPath.reserve(peer, train, now) == SealResult.SEALED;
    } catch (Throwable e) {
      lose(train, e);
    }
    if (reserved) {
      helped.offerToSeal(train, peer);
    }
  }

  private void addressOldest() {
    TrainRing.Job job = helped.take();
    Throwable failure = job.failure();
    if (failure != null) {
      lose(job.train(), failure);
      return;
    }
    try {
      address(job.train(), job.peer());
    } catch (Throwable e) {
      lost.add(job.train().packets(), e);
    }
  }

  void useSockets(@Nullable SocketPort v4, @Nullable SocketPort v6) {
    outlet4.use(v4);
    outlet6.use(v6);
  }

  void useClearSockets(@Nullable RawPort v4, @Nullable RawPort v6) {
    clearOutlet.use(v4, v6);
  }

  void mtu(int newMtu) {
    mtu = newMtu;
  }

  void limit(int newLimit) {
    limit = newLimit;
  }
}
