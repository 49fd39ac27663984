// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Header fields: big-endian and unaligned, unsigned if they fit into an {@code int}. */
public final class NetworkOrder {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private NetworkOrder() {}

  public static int u8(MemorySegment memory, long at) {
    return memory.get(ValueLayout.JAVA_BYTE, at) & 0xff;
  }

  public static int u16(MemorySegment memory, long at) {
    return memory.get(SHORT, at) & 0xffff;
  }

  public static int i32(MemorySegment memory, long at) {
    return memory.get(INT, at);
  }

  public static long i64(MemorySegment memory, long at) {
    return memory.get(LONG, at);
  }

  public static void put8(MemorySegment memory, long at, int value) {
    memory.set(ValueLayout.JAVA_BYTE, at, (byte) value);
  }

  public static void put16(MemorySegment memory, long at, int value) {
    memory.set(SHORT, at, (short) value);
  }

  public static void put32(MemorySegment memory, long at, int value) {
    memory.set(INT, at, value);
  }

  public static void put64(MemorySegment memory, long at, long value) {
    memory.set(LONG, at, value);
  }
}
