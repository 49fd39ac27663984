package dev.culvert.tunnel.esp.global;

import static dev.culvert.tunnel.esp.global.ExchangeLimits.RETRY;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.WANTED_RETRY;

/**
 * When one and the same message, which may be a replay, is answered again: about twice as often as
 * its sender says it again, however often others do. Answers to the place that the peer is
 * configured at have a pace of their own, so that nobody can have all of them sent elsewhere.
 */
final class AnswerPace {
  private final Place home = new Place();
  private final Place elsewhere = new Place();

  private static final class Place {
    private int answers;
    private long nextAt = Long.MIN_VALUE;

    boolean allow(long nowNanos) {
      if (nowNanos < nextAt) {
        return false;
      }
      nextAt = nowNanos + Math.min(RETRY << Math.min(answers, 10), WANTED_RETRY) / 2;
      answers++;
      return true;
    }
  }

  /** Whether it is answered now. */
  boolean allow(boolean toHome, long nowNanos) {
    return (toHome ? home : elsewhere).allow(nowNanos);
  }
}
