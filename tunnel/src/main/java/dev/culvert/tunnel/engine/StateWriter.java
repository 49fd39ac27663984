// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collection;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Writes the state of an engine for the process that continues it. The bytes hold keys: they are
 * outside of the heap, in host byte order since both processes run on one machine, and are wiped
 * when this is closed. Not thread-safe.
 */
public final class StateWriter implements AutoCloseable {
  private static final int FIRST_CAPACITY = 1 << 16;

  private Arena arena = Arena.ofShared();
  private MemorySegment memory = arena.allocate(FIRST_CAPACITY);
  private long length;

  /** The bytes written so far, valid until more is written or this is closed. */
  public MemorySegment written() {
    return memory.asSlice(0, length).asReadOnly();
  }

  public StateWriter flag(boolean value) {
    long at = room(1);
    memory.set(JAVA_BYTE, at, (byte) (value ? 1 : 0));
    return this;
  }

  public StateWriter int32(int value) {
    long at = room(Integer.BYTES);
    memory.set(JAVA_INT_UNALIGNED, at, value);
    return this;
  }

  public StateWriter int64(long value) {
    long at = room(Long.BYTES);
    memory.set(JAVA_LONG_UNALIGNED, at, value);
    return this;
  }

  /** Writes bytes that are no secret, with their number. */
  public StateWriter bytes(byte[] value) {
    int32(value.length);
    long at = room(value.length);
    MemorySegment.copy(value, 0, memory, JAVA_BYTE, at, value.length);
    return this;
  }

  public StateWriter text(String value) {
    return bytes(value.getBytes(UTF_8));
  }

  public StateWriter secret(SecretBytes value) {
    byte[] copy = value.toByteArray();
    try {
      return bytes(copy);
    } finally {
      Arrays.fill(copy, (byte) 0);
    }
  }

  /**
   * Writes a moment as its distance from the moment of saving. {@code Long.MIN_VALUE} and {@code
   * Long.MAX_VALUE}, for any time and never, stay themselves.
   *
   * @param nanos monotonic
   * @param nowNanos the moment of saving
   */
  public StateWriter time(long nanos, long nowNanos) {
    boolean moment = nanos != Long.MIN_VALUE && nanos != Long.MAX_VALUE;
    return int64(moment ? nanos - nowNanos : nanos);
  }

  public StateWriter instant(Instant value) {
    return int64(value.getEpochSecond()).int32(value.getNano());
  }

  public StateWriter address(IpAddress value) {
    return flag(value.v4()).int64(value.high()).int64(value.low());
  }

  public StateWriter prefix(Prefix value) {
    return address(value.address()).int32(value.length());
  }

  public StateWriter endpoint(Endpoint value) {
    address(value.address()).int32(value.port()).int32(value.scope());
    return optional(value.source(), this::address).int32(value.sourceInterface());
  }

  /** Writes whether there is a value, and the value. */
  public <T> StateWriter optional(@Nullable T value, Consumer<T> write) {
    flag(value != null);
    if (value != null) {
      write.accept(value);
    }
    return this;
  }

  /** Writes the number of values, and the values. */
  public <T> StateWriter list(Collection<? extends T> values, Consumer<? super T> write) {
    int32(values.size());
    values.forEach(write);
    return this;
  }

  /**
   * Writes all that {@code body} writes, with its length before it, so that a reader that does not
   * know it can skip it.
   */
  public StateWriter section(Runnable body) {
    long at = room(Long.BYTES);
    body.run();
    memory.set(JAVA_LONG_UNALIGNED, at, length - at - Long.BYTES);
    return this;
  }

  /**
   * The place of the next {@code bytes}. To be called before {@link #memory} is read, which it may
   * replace by a larger one.
   */
  private long room(int bytes) {
    long at = length;
    if (at + bytes > memory.byteSize()) {
      grow(at + bytes);
    }
    length = at + bytes;
    return at;
  }

  private void grow(long least) {
    Arena larger = Arena.ofShared();
    MemorySegment next = larger.allocate(Math.max(least, 2 * memory.byteSize()));
    MemorySegment.copy(memory, 0, next, 0, length);
    wipe();
    arena = larger;
    memory = next;
  }

  private void wipe() {
    memory.fill((byte) 0);
    arena.close();
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      wipe();
    }
  }

  @Override
  public String toString() {
    return "StateWriter[" + length + " bytes]";
  }
}
