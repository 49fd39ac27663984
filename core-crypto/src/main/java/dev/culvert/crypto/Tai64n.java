// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.nio.ByteBuffer;
import java.time.Instant;

/**
 * A TAI64N timestamp as WireGuard's handshake carries it: 8 bytes of seconds and 4 of nanoseconds,
 * big-endian. The order is that of the bytes, so that every value that a peer may send has a place
 * in it.
 *
 * @param label 2^62 + 10 + Unix seconds, unsigned; as in every WireGuard, leap seconds after the
 *     first ten do not count
 * @param nanos unsigned; below 10^9 in every value made here
 */
public record Tai64n(long label, int nanos) implements Comparable<Tai64n> {
  /** Bytes on the wire. */
  public static final int LENGTH = 12;

  private static final long UNIX_EPOCH = 0x400000000000000aL;
  private static final int NANOS_PER_SECOND = 1_000_000_000;

  /**
   * Timestamps are rounded down to multiples of 2^24 ns, so that they reveal little about the
   * sender's clock.
   */
  private static final int WHITENING = 1 << 24;

  /**
   * The whitened timestamp of a moment.
   *
   * @param wallNanos nanoseconds since 1970-01-01T00:00:00Z
   */
  public static Tai64n ofWallNanos(long wallNanos) {
    long seconds = Math.floorDiv(wallNanos, (long) NANOS_PER_SECOND);
    int nanos = Math.floorMod(wallNanos, NANOS_PER_SECOND);
    return new Tai64n(UNIX_EPOCH + seconds, whiten(nanos));
  }

  /**
   * Reads a timestamp from the wire; any 12 bytes are a timestamp.
   *
   * @throws IllegalArgumentException if {@code bytes} are not 12
   */
  public static Tai64n ofBytes(byte[] bytes) {
    if (bytes.length != LENGTH) {
      throw new IllegalArgumentException("a TAI64N label is 12 bytes, not " + bytes.length);
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    return new Tai64n(buffer.getLong(), buffer.getInt());
  }

  /** The 12 bytes of the wire. */
  public byte[] toBytes() {
    return ByteBuffer.allocate(LENGTH).putLong(label).putInt(nanos).array();
  }

  /**
   * The smallest whitened timestamp later than this one, for a sender whose clock stands still or
   * was set back: a peer must never see the same timestamp twice.
   *
   * @throws ArithmeticException at the end of time
   */
  public Tai64n next() {
    long nextNanos = Integer.toUnsignedLong(whiten(nanos)) + WHITENING;
    if (nextNanos < NANOS_PER_SECOND) {
      return new Tai64n(label, (int) nextNanos);
    }
    if (label == -1) {
      throw new ArithmeticException("no timestamp is later than " + this);
    }
    return new Tai64n(label + 1, 0);
  }

  /** The moment as an {@link Instant}, or the nearest one that {@link Instant} can hold. */
  public Instant toInstant() {
    long seconds = label - UNIX_EPOCH;
    if (Long.compareUnsigned(label, UNIX_EPOCH + Instant.MAX.getEpochSecond()) > 0) {
      return Instant.MAX;
    }
    if (seconds < Instant.MIN.getEpochSecond()) {
      return Instant.MIN;
    }
    return Instant.ofEpochSecond(seconds, Math.min(Integer.toUnsignedLong(nanos), 999_999_999L));
  }

  @Override
  public int compareTo(Tai64n other) {
    int byLabel = Long.compareUnsigned(label, other.label);
    return byLabel != 0 ? byLabel : Integer.compareUnsigned(nanos, other.nanos);
  }

  private static int whiten(int nanos) {
    return nanos & -WHITENING;
  }
}
