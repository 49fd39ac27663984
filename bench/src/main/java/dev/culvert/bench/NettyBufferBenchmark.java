// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench;

import io.netty.buffer.AdaptiveByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.UnpooledByteBufAllocator;
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
import org.openjdk.jmh.annotations.Warmup;

/**
 * Taking direct memory from Netty, touching its pages and giving it back: one operation is one
 * buffer. Why a lane takes its buffers once: each time costs a walk through the allocator and
 * garbage, whatever the allocator, and more if a buffer is larger than its caches hold.
 *
 * <p>Netty aligns a pool's buffers only with Unsafe, which JDK 25 does not give it: a lane that
 * wants cache lines of its own takes 64 bytes more and cuts.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class NettyBufferBenchmark {
  private static final int PAGE = 8192;
  private static final int SMALL_CACHE = 256;
  private static final int NORMAL_CACHE = 64;

  /** Netty's defaults, then one setting changed at a time. */
  @Param({"pooled", "pooled-1-arena", "pooled-16m-chunks", "adaptive", "unpooled"})
  private String allocator = "";

  /** A packet, a train, a lane's outbound trains. */
  @Param({"2048", "65536", "1048576"})
  private int bytes;

  private ByteBufAllocator from = UnpooledByteBufAllocator.DEFAULT;

  @Setup
  public void setUp() {
    int arenas = PooledByteBufAllocator.defaultNumDirectArena();
    int order = PooledByteBufAllocator.defaultMaxOrder();
    from =
        switch (allocator) {
          case "pooled" -> PooledByteBufAllocator.DEFAULT;
          case "pooled-1-arena" -> pooled(1, order);
          // Two orders up: 16 MiB instead of the default of 4.
          case "pooled-16m-chunks" -> pooled(arenas, 11);
          case "adaptive" -> new AdaptiveByteBufAllocator(true);
          case "unpooled" -> UnpooledByteBufAllocator.DEFAULT;
          default -> throw new IllegalArgumentException(allocator);
        };
  }

  private static ByteBufAllocator pooled(int directArenas, int maxOrder) {
    return new PooledByteBufAllocator(
        true, 0, directArenas, PAGE, maxOrder, SMALL_CACHE, NORMAL_CACHE, true);
  }

  @Benchmark
  public ByteBuf takeAndGiveBack() {
    ByteBuf buffer = from.directBuffer(bytes);
    // The figure includes pages that the kernel has yet to map.
    for (int at = 0; at < bytes; at += 4096) {
      buffer.setByte(at, 1);
    }
    buffer.release();
    return buffer;
  }
}
