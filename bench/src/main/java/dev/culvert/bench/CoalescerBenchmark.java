// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench;

import dev.culvert.tunnel.offload.Coalescer;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
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
 * Opened packets of one flow into one super-packet: headers read and compared, checksums verified,
 * iovecs written, nothing copied. The writer takes the super-packet and leaves it at that, so the
 * system call is not in the figure. The time is a packet's.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class CoalescerBenchmark {
  private static final int PACKETS = 45;

  @Param({"TCP4", "TCP6", "UDP4", "SMALL_UDP4"})
  private Traffic traffic = Traffic.TCP4;

  private final Arena arena = Arena.ofShared();
  private final Coalescer coalescer = new Coalescer(arena, this::take, true, true);
  private Train opened = new Train();
  private long written;

  @Setup
  public void setUp() {
    opened = traffic.train(arena, TunnelEnd.overhead(), PACKETS);
  }

  @TearDown
  public void tearDown() {
    arena.close();
  }

  private void take(MemorySegment iovecs, int count, int packets, int bytes) {
    if (packets != PACKETS || count != 1 + PACKETS) {
      throw new IllegalStateException(packets + " packets merged in " + count + " pieces");
    }
    written += bytes;
  }

  @Benchmark
  @OperationsPerInvocation(PACKETS)
  public long coalesce() {
    coalescer.add(opened);
    coalescer.flush();
    return written;
  }
}
