// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateWriter;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A key for sending, shared by all lanes. No sequence number is used twice: {@link #reserve} moves
 * the counter by compare-and-set and never past the limit. Numbers are unsigned.
 */
final class OutboundSa extends SecurityAssociation {
  /** The result of {@link #reserve} if too few numbers are left; it is never a sequence number. */
  static final long SPENT = 0;

  private static final VarHandle NEXT;
  private static final VarHandle NOTICE_AT;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      NEXT = lookup.findVarHandle(OutboundSa.class, "next", long.class);
      NOTICE_AT = lookup.findVarHandle(OutboundSa.class, "noticeAt", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private volatile long next;
  private volatile long limit;
  private volatile long noticeAt;

  /**
   * Takes over the key of {@code parameters}.
   *
   * @param first the first number to use, from which this continues
   */
  OutboundSa(SaParameters parameters, SaKeyId keyId, long first, long nowNanos) {
    super(parameters, keyId, nowNanos);
    next = first;
    limit = parameters.sequenceLimit();
    noticeAt = parameters.noticeAt();
  }

  /** The next number that will be used. */
  long next() {
    return next;
  }

  long limit() {
    return limit;
  }

  /** Whether a number is left and the SA has not expired. */
  boolean maySend(long nowNanos) {
    return Long.compareUnsigned(next, limit) < 0 && !isOver(nowNanos);
  }

  /** Raises the limit of numbers; never lowers it, and never above the largest sequence number. */
  void extend(long newLimit, long newNoticeAt) {
    long end = parameters().esn() ? SaParameters.LIMIT_64 : SaParameters.LIMIT_32;
    long bounded = Long.compareUnsigned(newLimit, end) > 0 ? end : newLimit;
    if (Long.compareUnsigned(bounded, limit) > 0) {
      noticeAt = newNoticeAt;
      limit = bounded;
    }
  }

  /**
   * Goes on with the numbers from {@code first} on and leaves out those between. A lane that is
   * about to reserve gets a number from before or after, or {@link #SPENT}.
   */
  void moveTo(long first, long newLimit, long newNoticeAt) {
    long now = next;
    while (Long.compareUnsigned(now, first) < 0 && !NEXT.compareAndSet(this, now, first)) {
      now = next;
    }
    // Only now, since a lane must not find the numbers between within the limit.
    extend(newLimit, newNoticeAt);
  }

  /** Leaves out so many numbers, at most all that are left; while no lane runs. */
  void jumpAhead(long packets) {
    NEXT.setVolatile(this, SafetyJump.ahead(next, packets, limit));
  }

  /** Writes this for {@link SavedSa}, with the numbers that are left. */
  void save(StateWriter out, long nowNanos) {
    SaParameters p = parameters();
    new SaParameters(
            p.spi(),
            p.algorithm(),
            p.key(),
            p.salt(),
            p.esn(),
            next,
            limit,
            noticeAt,
            p.selectors(),
            p.endNanos())
        .save(out, nowNanos);
    saveCounts(out, nowNanos);
  }

  /**
   * Takes {@code count} consecutive numbers for the caller alone.
   *
   * @return the first, or {@link #SPENT} if fewer are left
   */
  long reserve(int count) {
    while (true) {
      long first = next;
      long end = limit;
      if (Long.compareUnsigned(first, end) >= 0 || Long.compareUnsigned(end - first, count) < 0) {
        return SPENT;
      }
      if (NEXT.compareAndSet(this, first, first + count)) {
        return first;
      }
    }
  }

  /**
   * Ends sending under this SA for good: a lane that is about to reserve gets {@link #SPENT}.
   *
   * @return the first number that was not used
   */
  long retire() {
    close();
    return (long) NEXT.getAndSet(this, SaParameters.LIMIT_64);
  }

  /** Whether {@link #takeNotice} would return true. */
  boolean isLow() {
    long mark = noticeAt;
    return Long.compareUnsigned(mark, limit) < 0 && Long.compareUnsigned(next, mark) >= 0;
  }

  /** Whether to tell the keying that numbers run low: true once for each value of the mark. */
  boolean takeNotice() {
    long mark = noticeAt;
    return isLow() && NOTICE_AT.compareAndSet(this, mark, SaParameters.LIMIT_64);
  }

  @Override
  public String toString() {
    return "out " + parameters();
  }
}
