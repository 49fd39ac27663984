// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The WireGuard engine between two ends that shook hands: session, counters, headers, cipher and
 * timers, and on the way in the replay window and the check of every inner source. One operation is
 * a train: divide by {@code packets}. Its cost above the cipher shows beside {@link AeadBenchmark};
 * opening is the difference of the two methods, since no counter opens twice.
 *
 * <p>A train holds 65,507 bytes, so at most 45 packets of 1420 bytes (1452 on the wire).
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 2)
@Measurement(iterations = 5, time = 1)
public class EngineBenchmark {
  @Param({"vector", "javax"})
  private String backend = "";

  /** Inner packets of 64 or of 1420 bytes. */
  @Param({"SMALL_UDP4", "UDP4"})
  private Traffic traffic = Traffic.UDP4;

  @Param({"1", "45"})
  private int packets;

  private final Arena arena = Arena.ofShared();
  private final TunnelEnd sender = TunnelEnd.connected();
  private final TunnelEnd receiver = sender.other();
  private final TunnelPeer peer = sender.peer();
  private final DataPath out = sender.path();
  private final DataPath in = receiver.path();
  private final Endpoint from = sender.endpoint();
  private final Train received = new Train();
  private Train train = new Train();

  @Setup
  public void setUp() {
    AeadBackend warm = Backends.warm(AeadAlgorithm.CHACHA20_POLY1305, backend);
    sender.useBackend(warm);
    receiver.useBackend(warm);
    train = traffic.train(arena, sender.engine().overhead(), packets);
  }

  @TearDown
  public void tearDown() {
    sender.close();
    receiver.close();
    arena.close();
  }

  @Benchmark
  public SealResult seal() {
    SealResult verdict = out.seal(peer, train, TunnelEnd.NOW);
    if (verdict != SealResult.SEALED) {
      throw new IllegalStateException("not sealed but " + verdict);
    }
    return verdict;
  }

  @Benchmark
  public int sealAndOpen() {
    seal();
    received.received(
        train.memory(), train.slot(0), train.stride(), packets, train.lastSealedLength());
    int opened = in.runLength(received, 0) == packets ? in.open(received, from, TunnelEnd.NOW) : 0;
    if (opened != packets) {
      throw new IllegalStateException(opened + " packets opened");
    }
    return opened;
  }
}
