// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.routing.ClusterMap;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.lane.ClusterRoutes;
import dev.culvert.tunnel.lane.HelperLanes;
import dev.culvert.tunnel.lane.LaneRouter;
import dev.culvert.tunnel.lane.TrainRing;
import dev.culvert.tunnel.offload.Coalescer;
import dev.culvert.tunnel.offload.Segmenter;
import dev.culvert.tunnel.offload.VnetHeader;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A lane's packet path without a kernel: all the work between the system calls. Outbound: classify,
 * split, seal. There and back: the same, then cut into runs, open, coalesce at the other end. Both
 * ends are plain peers, or nodes of a cluster that go by its classifier. The batch is a lane's:
 * reads until 128 packets are there, which is three super-packets of 47 segments or as many lone
 * packets of 64 bytes. The time is a packet's.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 2)
@Measurement(iterations = 5, time = 1)
public class LaneBenchmark {
  private static final int SUPER_PACKETS = 3;
  private static final int SEGMENTS = 47;
  private static final int PACKETS = SUPER_PACKETS * SEGMENTS;
  private static final int MAX_TRAINS = 8;
  private static final int TRAIN_ROOM = 65_536;

  @Param({"vector", "javax"})
  private String backend = "";

  @Param({"TCP4", "TCP6", "UDP4", "SMALL_UDP4"})
  private Traffic traffic = Traffic.TCP4;

  /** Threads that share each end's ciphering, as on a machine with more processors than lanes. */
  @Param("0")
  private int helpers;

  /** Ranges in the cluster's map; 0 for plain peers. */
  @Param("0")
  private int prefixes;

  private final Arena arena = Arena.ofShared();
  private final TunnelEnd sender = TunnelEnd.connected();
  private final TunnelEnd receiver = sender.other();
  private final Overhead overhead = sender.engine().overhead();
  private final AtomicReference<@Nullable ClusterRoutes> senderRoutes = new AtomicReference<>();
  private final AtomicReference<@Nullable ClusterRoutes> receiverRoutes = new AtomicReference<>();
  private final LaneRouter outRouter = new LaneRouter(sender.engine(), senderRoutes::get);
  private final LaneRouter inRouter = new LaneRouter(receiver.engine(), receiverRoutes::get);
  private final DataPath out = sender.path();
  private final DataPath in = receiver.path();
  private @Nullable HelperLanes senderHelpers;
  private @Nullable HelperLanes receiverHelpers;
  private @Nullable TrainRing toSeal;
  private @Nullable TrainRing toOpen;
  private final Endpoint from = sender.endpoint();
  private final Segmenter segmenter = new Segmenter();
  private final Coalescer coalescer = new Coalescer(arena, this::take, true, true);
  private final MemorySegment wire = arena.allocate((long) MAX_TRAINS * TRAIN_ROOM, 64);
  private final Train[] trains = new Train[MAX_TRAINS];
  private final TunnelPeer[] peers = new TunnelPeer[MAX_TRAINS];
  private final Train datagrams = new Train();
  private final Train run = new Train();
  private MemorySegment[] reads = new MemorySegment[0];
  private int[] lengths = new int[0];
  private int used;
  private int delivered;

  @Setup
  public void setUp() {
    if (prefixes > 0) {
      ClusterMap map = TunnelEnd.cluster(prefixes);
      senderRoutes.set(sender.routes(map));
      receiverRoutes.set(receiver.routes(map));
    }
    AeadBackend warm = Backends.warm(AeadAlgorithm.CHACHA20_POLY1305, backend);
    sender.useBackend(warm);
    receiver.useBackend(warm);
    senderHelpers = new HelperLanes("sender", helpers, sender.engine()::newDataPath, died -> {});
    receiverHelpers =
        new HelperLanes("receiver", helpers, receiver.engine()::newDataPath, died -> {});
    toSeal = senderHelpers.newRing(out);
    toOpen = receiverHelpers.newRing(in);
    senderHelpers.start();
    receiverHelpers.start();
    int segments = traffic == Traffic.SMALL_UDP4 ? 1 : SEGMENTS;
    reads = new MemorySegment[PACKETS / segments];
    lengths = new int[reads.length];
    for (int i = 0; i < reads.length; i++) {
      reads[i] = arena.allocate(Traffic.MAX_BYTES, 64);
      lengths[i] = traffic.write(reads[i], segments, i * segments);
    }
    for (int i = 0; i < MAX_TRAINS; i++) {
      trains[i] = new Train();
    }
  }

  @TearDown
  public void tearDown() {
    Objects.requireNonNull(senderHelpers).close();
    Objects.requireNonNull(receiverHelpers).close();
    sender.close();
    receiver.close();
    arena.close();
  }

  @Benchmark
  @OperationsPerInvocation(PACKETS)
  public int outbound() {
    used = 0;
    outRouter.begin();
    for (int i = 0; i < reads.length; i++) {
      split(reads[i], lengths[i]);
    }
    if (helpers > 0) {
      sealWithHelpers(Objects.requireNonNull(toSeal));
      return used;
    }
    for (int i = 0; i < used; i++) {
      if (out.seal(peers[i], trains[i], TunnelEnd.NOW) != SealResult.SEALED) {
        throw new IllegalStateException("not sealed");
      }
    }
    return used;
  }

  private void sealWithHelpers(TrainRing ring) {
    for (int i = 0; i < used; i++) {
      if (out.reserve(peers[i], trains[i], TunnelEnd.NOW) != SealResult.SEALED) {
        throw new IllegalStateException("not sealed");
      }
      ring.offerToSeal(trains[i], peers[i]);
    }
    while (!ring.isEmpty()) {
      ring.take();
    }
  }

  @Benchmark
  @OperationsPerInvocation(PACKETS)
  public int thereAndBack() {
    outbound();
    delivered = 0;
    inRouter.begin();
    for (int i = 0; i < used; i++) {
      Train sent = trains[i];
      datagrams.received(
          sent.memory(), sent.slot(0), sent.stride(), sent.packets(), sent.lastSealedLength());
      open();
    }
    TrainRing ring = Objects.requireNonNull(toOpen);
    while (!ring.isEmpty()) {
      deliver(ring.take().train());
    }
    coalescer.flush();
    if (delivered != PACKETS) {
      throw new IllegalStateException(delivered + " packets delivered");
    }
    return delivered;
  }

  private void split(MemorySegment read, int length) {
    TunnelPeer peer =
        segmenter.begin(read, 0, length) ? outRouter.route(read, VnetHeader.SIZE, segmenter) : null;
    if (peer == null) {
      throw new IllegalStateException("nobody's packet");
    }
    while (segmenter.hasNext()) {
      int sealedLength = overhead.sealedLength(segmenter.nextLength(), Traffic.MTU);
      if (used == 0 || peers[used - 1] != peer || !trains[used - 1].accepts(sealedLength)) {
        trains[used].startAt(wire, (long) used * TRAIN_ROOM, overhead.headroom());
        peers[used++] = peer;
      }
      segmenter.fill(trains[used - 1], overhead, Traffic.MTU);
    }
  }

  private void open() {
    for (int first = 0; first < datagrams.packets(); ) {
      int count = in.runLength(datagrams, first);
      if (helpers > 0) {
        Objects.requireNonNull(toOpen).offerToOpen(datagrams, first, count, from, TunnelEnd.NOW);
      } else {
        in.open(run.slice(datagrams, first, count), from, TunnelEnd.NOW);
        deliver(run);
      }
      first += count;
    }
  }

  private void deliver(Train opened) {
    if (inRouter.refuseForeign(opened) != 0) {
      throw new IllegalStateException("foreign packets");
    }
    coalescer.add(opened);
  }

  private void take(MemorySegment iovecs, int count, int packets, int bytes) {
    delivered += packets;
  }
}
