// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import static dev.culvert.tunnel.lane.StageTimes.Stage.*;

import dev.culvert.tunnel.engine.Counters;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DatagramSource;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.offload.Coalescer;
import dev.culvert.tunnel.offload.Ecn;
import dev.culvert.tunnel.offload.TunWriter;
import dev.culvert.tunnel.port.ReceiveBatch;
import dev.culvert.tunnel.port.SocketPort;
import dev.culvert.tunnel.port.TunOffloads;
import dev.culvert.tunnel.port.TunPort;
import dev.culvert.tunnel.train.Train;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.function.LongSupplier;

/**
 * The path of arriving packets, from the socket to the TUN queue: (1) receive runs of datagrams,
 * (2) split them into runs of one session, (3) open each in place (the engine checks tag, replay
 * window and inner source), (4) merge congestion marks, (5) put neighbours of one flow behind one
 * header and write them to the TUN device without copying. Belongs to a {@link Lane}, which
 * documents the threads.
 */
final class InboundPath {
  /** The most receive calls before the TUN queue gets its turn. */
  private static final int UDP_RECEIVES = 4;

  /** Messages per receive call, each a run of up to 64 datagrams. */
  private static final int RECEIVE_SLOTS = 8;

  private final TunPort tun;
  private final LaneRouter router;
  private final DataPath dataPath;
  private final TrainRing helped;
  private final SelfTraffic self;
  private final LongSupplier clock;
  private final Counters<LaneCounter> counters;
  private final DropCounters drops;
  private final LostPackets lost;
  private final StageTimes stages;
  private final SegmentationWatch watch;
  private final ReceiveBatch received;
  private final Train datagrams = new Train();
  private final Train run = new Train();
  private final Coalescer coalescer;
  private int opened;

  /**
   * @param helped the lane's ring
   */
  InboundPath(
      TunPort tun,
      TunOffloads offloads,
      LaneRouter router,
      DataPath dataPath,
      TrainRing helped,
      SelfTraffic self,
      SegmentationWatch watch,
      LaneKit kit) {
    this.tun = tun;
    this.router = router;
    this.dataPath = dataPath;
    this.helped = helped;
    this.self = self;
    this.watch = watch;
    clock = kit.clock();
    counters = kit.counters();
    drops = kit.drops();
    lost = kit.lost();
    stages = kit.stages();
    received = new ReceiveBatch(RECEIVE_SLOTS, kit.memory());
    coalescer = new Coalescer(kit.memory(), this::writeToTun, offloads.tso(), offloads.uso());
  }

  /** Handles a socket that has datagrams, or raw ESP packets. */
  void onUdp(SocketPort socket) throws IOException {
    router.begin();
    boolean more = true;
    for (int receives = 0; more && receives < UDP_RECEIVES; receives++) {
      boolean done = false;
      try {
        more = receive(socket);
        done = true;
      } finally {
        if (!done) {
          forgetBatch();
        }
      }
    }
  }

  /**
   * Forgets a batch whose handling threw. Nothing of it may be left: the coalescer points into the
   * receive buffers, which the next call fills with unauthenticated bytes.
   */
  private void forgetBatch() {
    lost.add(coalescer.discard());
    lost.add(helped.drain());
  }

  /** Handles the messages of one receive call; false if there are none. */
  private boolean receive(SocketPort socket) throws IOException {
    long start = stages.now();
    int messages = socket.receive(received);
    if (messages == 0) {
      return false;
    }
    stages.spent(RECEIVE, start);
    int openedBefore = opened;
    long now = clock.getAsLong();
    boolean share = helped.pays(received.packets());
    for (int i = 0; i < messages; i++) {
      openMessage(i, now, share);
    }
    while (!helped.isEmpty()) {
      deliverOldest(now);
    }
    // The coalescer points into the receive buffers, which the next call fills again.
    start = stages.now();
    coalescer.flush();
    stages.spent(COALESCE, start);
    stages.batch(RECEIVE, WRITE, opened - openedBefore);
    return true;
  }

  /**
   * Opens one message. It is a run of datagrams of one UDP flow, but perhaps of several sessions,
   * so it is split by session.
   */
  private void openMessage(int message, long now, boolean share) {
    int bytes = received.length(message);
    int stride = received.segmentSize(message);
    if (!received.usable(message) || bytes == 0) {
      drops.count(DropReason.BAD_LENGTH);
      return;
    }
    DatagramSource from = received.source(message);
    if (self.cameFromTunnel(from)) {
      drops.count(DropReason.LOOPED, received.packets(message));
      return;
    }
    MemorySegment memory = received.memory();
    long offset = received.offset(message);
    for (int done = 0; done < bytes; ) {
      int part = (int) Math.min(bytes - done, (long) stride * Train.MAX_PACKETS);
      int packets = (part + stride - 1) / stride;
      datagrams.received(memory, offset + done, stride, packets, part - (packets - 1) * stride);
      datagrams.tos(received.ecn(message));
      for (int first = 0; first < packets; ) {
        int count = runLength(first);
        counters.count(LaneCounter.TRAINS_RECEIVED);
        if (share) {
          if (helped.isFull()) {
            deliverOldest(now);
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

  /**
   * The length of the run from packet {@code first} on. The bytes that this and {@link #openRun}
   * read are not authenticated yet.
   */
  private int runLength(int first) {
    try {
      return dataPath.runLength(datagrams, first);
    } catch (Throwable e) {
      lost.add(0, e);
      return 1;
    }
  }

  private void openRun(Train sealed, DatagramSource from, long now) {
    int deliverable = 0;
    try {
      long start = stages.now();
      deliverable = dataPath.open(sealed, from, now);
      stages.spent(OPEN, start);
    } catch (Throwable e) {
      lost.add(sealed.packets(), e);
      return;
    }
    deliver(sealed, deliverable, now);
  }

  /** Takes back and delivers the oldest run that was shared with helpers. */
  private void deliverOldest(long now) {
    long start = stages.now();
    TrainRing.Job job = helped.take();
    stages.spent(OPEN, start);
    Throwable failure = job.failure();
    if (failure != null) {
      lost.add(job.train().packets(), failure);
    } else {
      deliver(job.train(), job.deliverable(), now);
    }
  }

  private void deliver(Train plain, int deliverable, long now) {
    if (deliverable == 0) {
      return;
    }
    try {
      long start = stages.now();
      opened += deliverable;
      int foreign = router.refuseForeign(plain);
      if (foreign > 0) {
        drops.count(DropReason.SOURCE_NOT_ALLOWED, foreign);
      }
      int unmarkable = carryCongestionMark(plain);
      counters.count(LaneCounter.PACKETS_DELIVERED, deliverable - foreign - unmarkable);
      counters.count(LaneCounter.BYTES_DELIVERED, plain.innerBytes());
      watch.arrived(plain, now);
      coalescer.add(plain);
      stages.spent(COALESCE, start);
    } catch (UncheckedIOException e) {
      // The device was removed, so nothing can be delivered any more.
      throw e;
    } catch (Throwable e) {
      // The coalescer may hold half of a packet.
      lost.add(Math.max(deliverable, coalescer.discard()), e);
    }
  }

  /**
   * Copies the underlay's congestion mark to inner packets. Drops packets whose sender does not
   * support marks (RFC 6040), and returns their number.
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

  /** Writes one packet or super-packet to the TUN queue, see {@link TunWriter}. */
  void writeToTun(MemorySegment iovecs, int count, int packets, int bytes) {
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
}
