// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import java.lang.foreign.MemorySegment;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Reads the values that a {@link StateWriter} of another process wrote. Not thread-safe. */
public final class StateReader {
  /** The most nanoseconds from the moment of saving to any moment in the state: ten years. */
  private static final long FARTHEST = TimeUnit.DAYS.toNanos(3650);

  private final MemorySegment memory;
  private long at;

  /** Reads one value, or fails if the bytes are none. */
  @FunctionalInterface
  public interface Item<T> {
    T read() throws StateException;
  }

  /** Reads {@code memory}, which stays the caller's. */
  public StateReader(MemorySegment memory) {
    this.memory = memory;
  }

  public boolean flag() throws StateException {
    byte value = memory.get(JAVA_BYTE, next(1));
    if (value != 0 && value != 1) {
      throw new StateException("byte " + (at - 1) + " is no flag");
    }
    return value == 1;
  }

  public int int32() throws StateException {
    return memory.get(JAVA_INT_UNALIGNED, next(Integer.BYTES));
  }

  public long int64() throws StateException {
    return memory.get(JAVA_LONG_UNALIGNED, next(Long.BYTES));
  }

  public byte[] bytes() throws StateException {
    int length = int32();
    if (length < 0) {
      throw new StateException("a length below 0 before byte " + at);
    }
    return memory.asSlice(next(length), length).toArray(JAVA_BYTE);
  }

  /**
   * Reads bytes of a known number.
   *
   * @throws StateException if there are more or fewer
   */
  public byte[] bytes(int expected) throws StateException {
    byte[] value = bytes();
    if (value.length != expected) {
      throw new StateException(value.length + " bytes instead of " + expected + " before " + at);
    }
    return value;
  }

  public String text() throws StateException {
    return new String(bytes(), UTF_8);
  }

  /** Reads a secret, for the caller to close. */
  public SecretBytes secret() throws StateException {
    return SecretBytes.owning(bytes());
  }

  /**
   * Reads a secret of a known length, for the caller to close.
   *
   * @throws StateException if it is longer or shorter; nothing of it was copied
   */
  public SecretBytes secret(int expected) throws StateException {
    int length = int32();
    if (length != expected) {
      throw new StateException(length + " bytes instead of " + expected + " after byte " + at);
    }
    return SecretBytes.owning(memory.asSlice(next(length), length).toArray(JAVA_BYTE));
  }

  /**
   * Reads a moment.
   *
   * @param savedAtNanos the moment of saving, on this process's monotonic clock
   * @throws StateException if it is years away, so that arithmetic with it would overflow
   */
  public long time(long savedAtNanos) throws StateException {
    long distance = int64();
    if (distance == Long.MIN_VALUE || distance == Long.MAX_VALUE) {
      return distance;
    }
    if (Math.abs(distance) > FARTHEST) {
      throw new StateException("no moment before byte " + at);
    }
    return savedAtNanos + distance;
  }

  public Instant instant() throws StateException {
    long seconds = int64();
    int nanos = int32();
    try {
      return Instant.ofEpochSecond(seconds, nanos);
    } catch (DateTimeException | ArithmeticException e) {
      throw new StateException("no instant before byte " + at, e);
    }
  }

  public IpAddress address() throws StateException {
    boolean v4 = flag();
    long high = int64();
    long low = int64();
    try {
      return new IpAddress(v4, high, low);
    } catch (IllegalArgumentException e) {
      throw new StateException("no address before byte " + at, e);
    }
  }

  public Prefix prefix() throws StateException {
    IpAddress address = address();
    int length = int32();
    try {
      return new Prefix(address, length);
    } catch (IllegalArgumentException e) {
      throw new StateException("no prefix before byte " + at, e);
    }
  }

  public Endpoint endpoint() throws StateException {
    IpAddress address = address();
    int port = int32();
    int scope = int32();
    IpAddress source = optional(this::address);
    int sourceInterface = int32();
    try {
      return new Endpoint(address, port, scope, source, sourceInterface);
    } catch (IllegalArgumentException e) {
      throw new StateException("no endpoint before byte " + at, e);
    }
  }

  public <T> @Nullable T optional(Item<T> item) throws StateException {
    return flag() ? item.read() : null;
  }

  public <T> List<T> list(Item<T> item) throws StateException {
    int count = int32();
    if (count < 0) {
      throw new StateException("a count below 0 before byte " + at);
    }
    List<T> values = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      values.add(item.read());
    }
    return values;
  }

  /** The contents of a section, which count as read whether or not the caller reads them. */
  public StateReader section() throws StateException {
    long length = int64();
    if (length < 0) {
      throw new StateException("a length below 0 before byte " + at);
    }
    return new StateReader(memory.asSlice(next(length), length));
  }

  /**
   * Checks that all was read.
   *
   * @throws StateException if bytes are left
   */
  public void end() throws StateException {
    if (at != memory.byteSize()) {
      throw new StateException((memory.byteSize() - at) + " bytes are left");
    }
  }

  /** The place of the next {@code bytes}. */
  private long next(long bytes) throws StateException {
    long from = at;
    if (bytes > memory.byteSize() - from) {
      throw new StateException("ends at byte " + memory.byteSize() + ", in the midst of a value");
    }
    at = from + bytes;
    return from;
  }
}
