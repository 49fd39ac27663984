// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
 * Copying a train of packets of 1420 bytes out of direct memory, and over a heap array and back, as
 * a cipher that knows only arrays would need. Why a lane's memory is used as segments: a segment
 * copies to its destination in one call. The time is a packet's; each way moves it once or, over
 * the heap, twice.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class NettyCopyBenchmark {
  private static final int PACKETS = 45;
  private static final int LENGTH = 1420;
  private static final int STRIDE = 1452;
  private static final int BYTES = 65_536;
  private static final int LINE = 64;

  /** Bytes by which source and target begin behind a cache line. */
  @Param({"0", "16", "63"})
  private int misalignment;

  private final Arena arena = Arena.ofShared();
  private final ByteBuf pooledSource =
      PooledByteBufAllocator.DEFAULT.directBuffer(BYTES + 2 * LINE);
  private final ByteBuf pooledTarget =
      PooledByteBufAllocator.DEFAULT.directBuffer(BYTES + 2 * LINE);
  private final byte[] heap = new byte[LENGTH];
  private ByteBuf source = pooledSource;
  private ByteBuf target = pooledTarget;
  private MemorySegment sourceSegment = MemorySegment.NULL;
  private MemorySegment targetSegment = MemorySegment.NULL;
  private MemorySegment arenaSource = MemorySegment.NULL;
  private MemorySegment arenaTarget = MemorySegment.NULL;

  @Setup
  public void setUp() {
    source = aligned(pooledSource);
    target = aligned(pooledTarget);
    sourceSegment = MemorySegment.ofBuffer(source.nioBuffer(0, BYTES));
    targetSegment = MemorySegment.ofBuffer(target.nioBuffer(0, BYTES));
    arenaSource = arena.allocate(BYTES + LINE, LINE).asSlice(misalignment);
    arenaTarget = arena.allocate(BYTES + LINE, LINE).asSlice(misalignment);
  }

  private ByteBuf aligned(ByteBuf buffer) {
    int toLine = (int) (-buffer.memoryAddress() & (LINE - 1));
    return buffer.slice(toLine + misalignment, BYTES);
  }

  @TearDown
  public void tearDown() {
    pooledSource.release();
    pooledTarget.release();
    arena.close();
  }

  /** Pooled memory as segments, as in a lane. */
  @Benchmark
  @OperationsPerInvocation(PACKETS)
  public void segmentToSegment() {
    for (int at = 0; at < PACKETS * STRIDE; at += STRIDE) {
      MemorySegment.copy(sourceSegment, at, targetSegment, at, LENGTH);
    }
  }

  /** The same in memory of an arena, not of Netty. */
  @Benchmark
  @OperationsPerInvocation(PACKETS)
  public void arenaToArena() {
    for (int at = 0; at < PACKETS * STRIDE; at += STRIDE) {
      MemorySegment.copy(arenaSource, at, arenaTarget, at, LENGTH);
    }
  }

  @Benchmark
  @OperationsPerInvocation(PACKETS)
  public void bufferToBuffer() {
    for (int at = 0; at < PACKETS * STRIDE; at += STRIDE) {
      source.getBytes(at, target, at, LENGTH);
    }
  }

  @Benchmark
  @OperationsPerInvocation(PACKETS)
  public byte[] bufferOverHeap() {
    for (int at = 0; at < PACKETS * STRIDE; at += STRIDE) {
      source.getBytes(at, heap);
      target.setBytes(at, heap);
    }
    return heap;
  }

  @Benchmark
  @OperationsPerInvocation(PACKETS)
  public byte[] segmentOverHeap() {
    for (int at = 0; at < PACKETS * STRIDE; at += STRIDE) {
      MemorySegment.copy(sourceSegment, ValueLayout.JAVA_BYTE, at, heap, 0, LENGTH);
      MemorySegment.copy(heap, 0, targetSegment, ValueLayout.JAVA_BYTE, at, LENGTH);
    }
    return heap;
  }
}
