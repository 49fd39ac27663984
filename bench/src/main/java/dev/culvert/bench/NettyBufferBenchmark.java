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
 * Taking direct memory from Netty and giving it back: one operation is one buffer. Why a lane takes
 * its buffers once, from the pool: the pool is what makes memory cheap to take again, and no
 * setting of it makes taking it for every batch free.
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
  @Param({
    "pooled",
    "pooled-1-arena",
    "pooled-16m-chunks",
    "pooled-aligned",
    "adaptive",
    "unpooled"
  })
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
          case "pooled-1-arena" -> pooled(1, order, 0);
          // Two orders up: 16 MiB where the default is 4.
          case "pooled-16m-chunks" -> pooled(arenas, 11, 0);
          case "pooled-aligned" -> pooled(arenas, order, 64);
          case "adaptive" -> new AdaptiveByteBufAllocator(true);
          case "unpooled" -> UnpooledByteBufAllocator.DEFAULT;
          default -> throw new IllegalArgumentException(allocator);
        };
  }

  private static ByteBufAllocator pooled(int directArenas, int maxOrder, int alignment) {
    return new PooledByteBufAllocator(
        true, 0, directArenas, PAGE, maxOrder, SMALL_CACHE, NORMAL_CACHE, true, alignment);
  }

  @Benchmark
  public long takeAndGiveBack() {
    ByteBuf buffer = from.directBuffer(bytes);
    // Written, so that memory which the kernel has yet to map is in the figure.
    buffer.setByte(0, 1);
    long capacity = buffer.capacity();
    buffer.release();
    return capacity;
  }
}
