package dev.culvert.tunnel.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** A lane's packet memory: pooled direct buffers from Netty, taken once when the lane starts. */
final class LaneMemory implements AutoCloseable {
  private static final int CACHE_LINE = 64;

  private final List<ByteBuf> buffers = new ArrayList<>();

  /** {@code bytes} of zeroed memory on a cache line. */
  MemorySegment allocate(long bytes) {
    ByteBuf buffer =
        PooledByteBufAllocator.DEFAULT.directBuffer(Math.toIntExact(bytes) + CACHE_LINE);
    buffers.add(buffer);
    long start = (buffer.memoryAddress() + CACHE_LINE - 1) & -CACHE_LINE;
    return MemorySegment.ofAddress(start).reinterpret(bytes).fill((byte) 0);
  }

  /** Gives the memory back; no lane may touch it any more. */
  @Override
  public void close() {
    buffers.forEach(ByteBuf::release);
    buffers.clear();
  }
}
