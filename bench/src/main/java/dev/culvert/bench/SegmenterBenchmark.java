// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench;

import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.offload.Segmenter;
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
 * One super-packet as a TUN read delivers it (47 segments fill 64 KiB at an MTU of 1420) into
 * trains that are laid out for the wire: headers rewritten, payload copied once and summed. The
 * time is a packet's.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class SegmenterBenchmark {
  private static final int PACKETS = 47;

  @Param({"TCP4", "TCP6", "UDP4", "UDP6", "SMALL_UDP4"})
  private Traffic traffic = Traffic.TCP4;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment superPacket = arena.allocate(Traffic.MAX_BYTES, 64);
  private final MemorySegment wire = arena.allocate(65_536, 64);
  private final Segmenter segmenter = new Segmenter();
  private final Train train = new Train();
  private final Overhead overhead = TunnelEnd.overhead();
  private int length;

  @Setup
  public void setUp() {
    length = traffic.write(superPacket, PACKETS, 0);
  }

  @TearDown
  public void tearDown() {
    arena.close();
  }

  @Benchmark
  @OperationsPerInvocation(PACKETS)
  public int split() {
    segmenter.begin(superPacket, 0, length);
    int packets = 0;
    while (segmenter.hasNext()) {
      train.startAt(wire, 0, overhead.headroom());
      packets += segmenter.fill(train, overhead, Traffic.MTU);
    }
    if (packets != PACKETS) {
      throw new IllegalStateException(packets + " packets");
    }
    return packets;
  }
}
