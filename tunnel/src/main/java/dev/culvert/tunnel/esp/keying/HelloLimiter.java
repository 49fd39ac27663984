package dev.culvert.tunnel.esp.keying;

import static dev.culvert.tunnel.esp.keying.ExchangeLimits.HELLOS_PER_SECOND;
import static dev.culvert.tunnel.esp.keying.ExchangeLimits.HELLO_BURST;

import java.time.Duration;

/** A token bucket for the hellos in one peer's name: the only message that costs a MAC unasked. */
final class HelloLimiter {
  private static final long COST = Duration.ofSeconds(1).toNanos() / HELLOS_PER_SECOND;
  private static final long FULL = HELLO_BURST * COST;

  private long tokens = FULL;
  private long filledAt = Long.MIN_VALUE;

  boolean allow(long nowNanos) {
    long since = filledAt == Long.MIN_VALUE ? 0 : nowNanos - filledAt;
    tokens = since >= FULL ? FULL : Math.min(FULL, tokens + since);
    filledAt = nowNanos;
    if (tokens < COST) {
      return false;
    }
    tokens -= COST;
    return true;
  }
}
