// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static dev.culvert.tunnel.esp.global.ExchangeLimits.RETRY;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.WANTED_RETRY;

/**
 * Limits answers to repetitions of one message, which may be replays: about twice the rate at which
 * its sender repeats it, however often an attacker does. Answers to the peer's configured endpoint
 * have a limit of their own, so that an attacker cannot divert all of them.
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

  /** Whether to answer now. */
  boolean allow(boolean toHome, long nowNanos) {
    return (toHome ? home : elsewhere).allow(nowNanos);
  }
}
