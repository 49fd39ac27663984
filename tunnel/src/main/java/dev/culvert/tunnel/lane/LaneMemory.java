// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.List;

/** A lane's packet memory: pooled direct buffers from Netty, taken once when the lane starts. */
final class LaneMemory implements SegmentAllocator, AutoCloseable {
  private final List<ByteBuf> buffers = new ArrayList<>();

  /** Zeroed memory; {@code alignment} is a power of two. */
  @Override
  public MemorySegment allocate(long bytes, long alignment) {
    ByteBuf buffer =
        PooledByteBufAllocator.DEFAULT.directBuffer(Math.toIntExact(bytes + alignment));
    buffers.add(buffer);
    MemorySegment all = MemorySegment.ofBuffer(buffer.nioBuffer(0, buffer.capacity()));
    return all.asSlice(-all.address() & (alignment - 1), bytes).fill((byte) 0);
  }

  /** Gives the memory back; no lane may touch it any more. */
  @Override
  public void close() {
    buffers.forEach(ByteBuf::release);
    buffers.clear();
  }
}
