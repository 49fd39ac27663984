// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import dev.culvert.crypto.Tai64n;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The timestamps of our initiations. A peer refuses a timestamp that is not later than the last
 * that it saw, so ours never decrease, even if the wall clock is set back, and grow strictly for
 * each peer. Belongs to the control thread.
 */
public final class Timestamps {
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private @Nullable Tai64n latest;

  /**
   * Makes all further timestamps later than {@code answered}.
   *
   * @throws IllegalArgumentException if the moment is out of the range of a clock
   */
  public void after(Instant answered) {
    try {
      long nanos =
          Math.addExact(
              Math.multiplyExact(answered.getEpochSecond(), NANOS_PER_SECOND), answered.getNano());
      latest = later(latest, Tai64n.ofWallNanos(nanos).next());
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException("no usable timestamp: " + answered, e);
    }
  }

  Tai64n next(HandshakePeer peer, long wallNanos) {
    Tai64n timestamp = later(latest, Tai64n.ofWallNanos(wallNanos));
    Tai64n last = peer.lastTimestampSent;
    if (last != null && timestamp.compareTo(last) <= 0) {
      timestamp = last.next();
    }
    peer.lastTimestampSent = timestamp;
    latest = later(latest, timestamp);
    return timestamp;
  }

  void save(StateWriter out) {
    out.optional(latest, timestamp -> out.bytes(timestamp.toBytes()));
  }

  /** Makes all further timestamps at least as late as {@code saved}, of another process. */
  void atLeast(@Nullable Tai64n saved) {
    if (saved != null) {
      latest = later(latest, saved);
    }
  }

  static Tai64n read(StateReader in) throws StateException {
    return Tai64n.ofBytes(in.bytes(Tai64n.LENGTH));
  }

  private static Tai64n later(@Nullable Tai64n a, Tai64n b) {
    return a != null && a.compareTo(b) > 0 ? a : b;
  }
}
