package dev.culvert.tunnel.gateway;

import static dev.culvert.tunnel.gateway.StageTimes.Stage.*;

import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.engine.Verdict;
import dev.culvert.tunnel.offload.Coalescer;
import dev.culvert.tunnel.offload.Ecn;
import dev.culvert.tunnel.offload.InnerPacket;
import dev.culvert.tunnel.offload.Segmenter;
import dev.culvert.tunnel.offload.VnetHeader;
import dev.culvert.tunnel.port.IpFamily;
import dev.culvert.tunnel.port.RawPort;
import dev.culvert.tunnel.port.ReceiveBatch;
import dev.culvert.tunnel.port.SocketPort;
import dev.culvert.tunnel.port.TunOffloads;
import dev.culvert.tunnel.port.TunPort;
import dev.culvert.tunnel.train.Fragmentation;
import dev.culvert.tunnel.train.Train;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The packet path, both ways. A lane is one event loop with one TUN queue, one socket a family, its
 * buffers and its counters; packets run to completion on it. Nothing here allocates, locks or
 * waits; only a batch that is shared with helpers waits for those that are still at it.
 *
 * <p>Outbound, {@link #onTun}: (1) read a super-packet, (2) look up whose it is, (3) split it into
 * a train that is already laid out for the wire, (4) seal the train in place, (5) send all trains
 * with one call.
 *
 * <p>Inbound, {@link #onUdp}: (1) receive runs of datagrams, (2) cut them into runs of one session,
 * (3) open each in place: tag, replay window and inner source are the engine's, (4) settle
 * congestion marks, (5) put neighbours of one flow behind one header and write them to the TUN,
 * gathered where they lie.
 */
final class Lane implements AutoCloseable {
  /** Reads before the socket gets its turn. */
  private static final int TUN_READS = 32;

  /** Receive calls before the TUN gets its turn. */
  private static final int UDP_RECEIVES = 4;

  /**
   * Packets that are sent without waiting for more: enough for the call's cost, few enough for the
   * caches.
   */
  private static final int PACKETS_A_SEND = 128;

  /** Helpers that a batch grows for: further ones find enough in it. */
  private static final int MOST_PER_BATCH = 4;

  /** Messages a receive call, each a run of up to 64 datagrams. */
  private static final int RECEIVE_SLOTS = 8;

  private static final int MAX_SUPER_PACKET = TunPort.HEADER_BYTES + 65_535;

  private final TunPort tun;
  private final LaneRouter router;
  private final DataPath dataPath;
  private final TrainRing helped;
  private final int packetsASend;
  private final Overhead overhead;
  private final ControlLoop control;
  private final LongSupplier clock;
  private final LaneMemory buffers = new LaneMemory();
  private final MemorySegment superPacket = buffers.allocate(MAX_SUPER_PACKET, 64);
  private final Segmenter segmenter = new Segmenter();
  private final OutboundTrains trains;
  private final LaneCounters counters = new LaneCounters();
  private final DropCounters drops = new DropCounters();
  private final Outlet outlet4 = new Outlet(IpFamily.V4, buffers, counters, drops);
  private final Outlet outlet6 = new Outlet(IpFamily.V6, buffers, counters, drops);
  private final ReceiveBatch received = new ReceiveBatch(RECEIVE_SLOTS, buffers);
  private final Train datagrams = new Train();
  private final Train run = new Train();
  private final Coalescer coalescer;
  private final IcmpReplies icmpReplies = new IcmpReplies(buffers, this::writeToTun);
  private final StageTimes stages = new StageTimes();
  private int opened;
  private int restsInARow;
  private final ClearOutlet clearOutlet = new ClearOutlet(buffers);
  private volatile int mtu;
  private volatile int limit = Integer.MAX_VALUE;

  Lane(
      TunPort tun,
      TunOffloads offloads,
      LaneRouter router,
      DataPath dataPath,
      HelperLanes helpers,
      Overhead overhead,
      ControlLoop control,
      LongSupplier clock,
      int mtu) {
    this.tun = tun;
    this.router = router;
    this.dataPath = dataPath;
    helped = helpers.newRing(dataPath);
    packetsASend = PACKETS_A_SEND * (1 + Math.min(helpers.count(), MOST_PER_BATCH));
    this.overhead = overhead;
    this.control = control;
    this.clock = clock;
    this.mtu = mtu;
    trains = new OutboundTrains(buffers.allocate(OutboundTrains.BYTES, 64), overhead.headroom());
    coalescer = new Coalescer(buffers, this::writeToTun, offloads.tso(), offloads.uso());
  }

  // ---------------------------------------------------------------- outbound: TUN to UDP

  /** The TUN queue has packets. */
  void onTun() throws IOException {
    restsInARow = 0;
    forgetFailedBatch();
    router.begin();
    long now = clock.getAsLong();
    for (int reads = 0; reads < TUN_READS; reads++) {
      long start = stages.now();
      int length = tun.read(superPacket, 0, MAX_SUPER_PACKET);
      if (length == 0) {
        break;
      }
      start = stages.spent(READ, start);
      if (!segmenter.begin(superPacket, 0, length)) {
        drops.count(DropReason.MALFORMED);
        continue;
      }
      TunnelPeer peer = router.route(superPacket, VnetHeader.SIZE, segmenter);
      if (peer == null) {
        keepOut(now);
        continue;
      }
      start = stages.spent(CLASSIFY, start);
      split(peer, now);
      stages.spent(SPLIT, start);
      if (trains.packets() >= packetsASend) {
        sealAndSend(now);
      }
    }
    sealAndSend(now);
    control.wakeIfDue();
  }

  /** What a batch that threw has left must not go out with this one. */
  private void forgetFailedBatch() {
    helped.drain();
    trains.clear();
    outlet4.clear();
    outlet6.clear();
  }

  /** What was read is not for the tunnel: it leaves in clear on purpose, or not at all. */
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
    boolean copies = overhead.copiesTrafficClass();
    int trafficClass = copies ? packet.trafficClass() : Ecn.encapsulate(packet.trafficClass());
    Fragmentation fragmentation = copies ? packet.fragmentation() : Fragmentation.BY_KERNEL;
    int tunnelMtu = mtu;
    if (segmenter.nextLength() > limit && packet.fragmentation() == Fragmentation.FORBIDDEN) {
      dropTooBig(packet, now);
      return;
    }
    while (segmenter.hasNext()) {
      int sealedLength = overhead.sealedLength(segmenter.nextLength(), tunnelMtu);
      Train train = trains.trainFor(peer, sealedLength, trafficClass, fragmentation);
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

  /** None of a super-packet's segments is larger than its first. */
  private void dropTooBig(InnerPacket packet, long now) {
    drops.count(DropReason.TOO_BIG, segmenter.packets());
    icmpReplies.tooBig(superPacket, VnetHeader.SIZE, packet, Math.min(limit, mtu), now);
  }

  private void sealAndSend(long now) {
    long start = stages.now();
    if (helpersPay(trains.packets())) {
      sealWithHelpers(now);
    } else {
      for (int i = 0; i < trains.count(); i++) {
        Train train = trains.train(i);
        TunnelPeer peer = trains.peer(i);
        if (train.packets() > 0 && dataPath.seal(peer, train, now) == Verdict.SEALED) {
          address(train, peer);
        }
      }
    }
    start = stages.spent(SEAL, start);
    send();
    stages.spent(SEND, start);
    stages.batch(READ, SEND, trains.packets());
    trains.clear();
  }

  private void address(Train sealed, TunnelPeer peer) {
    Endpoint to = peer.endpoint();
    if (to == null) {
      drops.count(DropReason.NO_ENDPOINT, sealed.packets());
    } else {
      (to.address().v4() ? outlet4 : outlet6).add(sealed, peer, to);
    }
  }

  private void send() {
    outlet4.send();
    outlet6.send();
  }

  /** Whether there is more to cipher than one full train. */
  private boolean helpersPay(int packets) {
    return helped.hasHelpers() && packets > Train.MAX_PACKETS;
  }

  /** The same, shared with helpers: what is ready is sent while they are at the rest. */
  private void sealWithHelpers(long now) {
    for (int i = 0; i < trains.count(); i++) {
      Train train = trains.train(i);
      TunnelPeer peer = trains.peer(i);
      if (train.packets() > 0 && dataPath.reserve(peer, train, now)) {
        helped.offerToSeal(train, peer);
      }
    }
    while (!helped.isEmpty()) {
      if (!helped.isReady()) {
        long start = stages.now();
        send();
        stages.within(SEAL, SEND, start);
      }
      TrainRing.Job job = helped.take();
      if (job.failed()) {
        drops.count(DropReason.INTERNAL_ERROR, job.train().packets());
      } else {
        address(job.train(), job.peer());
      }
    }
  }

  /**
   * To be called now and then, on the lane's thread: where nothing has moved from one time to the
   * next, the ciphers forget what keys they last used.
   */
  void rest() {
    if (++restsInARow == 2) {
      dataPath.forgetKeys();
    }
  }

  // ---------------------------------------------------------------- inbound: UDP to TUN

  /** The socket has datagrams, or raw ESP packets. */
  void onUdp(SocketPort socket) throws IOException {
    restsInARow = 0;
    helped.drain();
    router.begin();
    for (int receives = 0; receives < UDP_RECEIVES; receives++) {
      long start = stages.now();
      int messages = socket.receive(received);
      if (messages == 0) {
        break;
      }
      stages.spent(RECEIVE, start);
      int openedBefore = opened;
      long now = clock.getAsLong();
      boolean share = helpersPay(received.packets());
      for (int i = 0; i < messages; i++) {
        openMessage(i, now, share);
      }
      while (!helped.isEmpty()) {
        deliverOldest();
      }
      // The coalescer points into the receive buffers, which the next call fills again.
      start = stages.now();
      coalescer.flush();
      stages.spent(COALESCE, start);
      stages.batch(RECEIVE, WRITE, opened - openedBefore);
    }
    control.wakeIfDue();
  }

  /** One message is a run of datagrams of one UDP flow, not of one session: cut it. */
  private void openMessage(int message, long now, boolean share) {
    int bytes = received.length(message);
    int stride = received.segmentSize(message);
    if (!received.usable(message) || bytes == 0) {
      drops.count(DropReason.BAD_LENGTH);
      return;
    }
    Endpoint from = received.from(message);
    MemorySegment memory = received.memory();
    long offset = received.offset(message);
    for (int done = 0; done < bytes; ) {
      int part = (int) Math.min(bytes - done, (long) stride * Train.MAX_PACKETS);
      int packets = (part + stride - 1) / stride;
      datagrams.received(memory, offset + done, stride, packets, part - (packets - 1) * stride);
      datagrams.trafficClass(received.ecn(message));
      for (int first = 0; first < packets; ) {
        int count = dataPath.runLength(datagrams, first);
        counters.received();
        if (share) {
          if (helped.isFull()) {
            deliverOldest();
          }
          helped.offerToOpen(datagrams, first, count, from, now);
        } else {
          openRun(run.slice(datagrams, first, count), from, now);
        }
        first += count;
      }
      done += part;
    }
  }

  private void openRun(Train sealed, Endpoint from, long now) {
    long start = stages.now();
    int deliverable = dataPath.open(sealed, from, now);
    stages.spent(OPEN, start);
    deliver(sealed, deliverable);
  }

  /** Takes back the oldest run that was shared with helpers. */
  private void deliverOldest() {
    long start = stages.now();
    TrainRing.Job job = helped.take();
    stages.spent(OPEN, start);
    if (job.failed()) {
      drops.count(DropReason.INTERNAL_ERROR, job.train().packets());
    } else {
      deliver(job.train(), job.deliverable());
    }
  }

  private void deliver(Train plain, int deliverable) {
    if (deliverable > 0) {
      long start = stages.now();
      opened += deliverable;
      int foreign = router.refuseForeign(plain);
      if (foreign > 0) {
        drops.count(DropReason.SOURCE_NOT_ALLOWED, foreign);
      }
      counters.delivered(deliverable - foreign - carryCongestionMark(plain));
      coalescer.add(plain);
      stages.spent(COALESCE, start);
    }
  }

  /**
   * Brings the underlay's congestion mark inwards; returns packets that cannot bear it, dropped
   * (RFC 6040).
   */
  private int carryCongestionMark(Train opened) {
    if (opened.ecn() == Ecn.NOT_ECT) {
      return 0;
    }
    int dropped = 0;
    for (int i = 0; i < opened.packets(); i++) {
      if (opened.length(i) > 0
          && !Ecn.decapsulate(opened.memory(), opened.inner(i), opened.ecn())) {
        opened.length(i, 0);
        dropped++;
      }
    }
    if (dropped > 0) {
      drops.count(DropReason.CONGESTION_UNMARKABLE, dropped);
    }
    return dropped;
  }

  private void writeToTun(MemorySegment iovecs, int count, int packets, int bytes) {
    long start = stages.now();
    try {
      if (!tun.write(iovecs, count)) {
        drops.count(DropReason.TUN_WRITE_FAILED, packets);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    stages.within(COALESCE, WRITE, start);
  }

  // ---------------------------------------------------------------- wiring

  /**
   * From now on these sockets carry the tunnel; null where there is none. On the lane's own thread.
   */
  void useSockets(@Nullable SocketPort v4, @Nullable SocketPort v6) {
    outlet4.use(v4);
    outlet6.use(v6);
  }

  /** Likewise, for what leaves in clear on purpose. */
  void useClearSockets(@Nullable RawPort v4, @Nullable RawPort v6) {
    clearOutlet.use(v4, v6);
  }

  /** The interface's MTU, for padding. */
  void mtu(int newMtu) {
    mtu = newMtu;
  }

  /** The largest packet that fits the underlay; larger ones are answered, where nobody may cut. */
  void limit(int newLimit) {
    limit = newLimit;
  }

  LaneCounters counters() {
    return counters;
  }

  /** What was dropped on this lane before or after the engine. */
  DropCounters drops() {
    return drops;
  }

  TrafficCounters traffic() {
    return router.traffic();
  }

  StageTimes stages() {
    return stages;
  }

  DataPath dataPath() {
    return dataPath;
  }

  /** Gives the buffers back. The lane's thread must have ended its last packet. */
  @Override
  public void close() {
    helped.drain();
    buffers.close();
  }
}
