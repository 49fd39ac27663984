// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;

import dev.culvert.routing.IpAddress;
import java.util.HashMap;
import java.util.Map;

/**
 * One token bucket per source: 20 handshakes per second, bursts of 5. A source is an IPv4 address
 * or an IPv6 /64, the usual range of one customer. Belongs to the control thread.
 */
public final class RateLimiter {
  public static final int MAX_SOURCES = 16_384;

  private static final long COST = SECONDS.toNanos(1) / 20;
  private static final long BURST = 5 * COST;

  /** After this time a bucket is full again, so forgetting it changes nothing. */
  private static final long FORGET_AFTER = BURST + MILLISECONDS.toNanos(750);

  private final Map<IpAddress, Bucket> buckets = new HashMap<>();
  private long sweepAt = Long.MIN_VALUE;

  private static final class Bucket {
    long tokens = BURST;
    long filledAt;
  }

  /**
   * Takes a token of {@code source}; false if it has none left, or if there are too many sources.
   */
  public boolean allow(IpAddress source, long nowNanos) {
    if (nowNanos >= sweepAt) {
      buckets.values().removeIf(bucket -> nowNanos - bucket.filledAt >= FORGET_AFTER);
      sweepAt = nowNanos + FORGET_AFTER;
    }
    IpAddress key = source.v4() ? source : new IpAddress(false, source.high(), 0);
    Bucket bucket = buckets.get(key);
    if (bucket == null) {
      if (buckets.size() >= MAX_SOURCES) {
        return false;
      }
      bucket = new Bucket();
      buckets.put(key, bucket);
    } else {
      bucket.tokens = Math.min(BURST, bucket.tokens + nowNanos - bucket.filledAt);
    }
    bucket.filledAt = nowNanos;
    if (bucket.tokens < COST) {
      return false;
    }
    bucket.tokens -= COST;
    return true;
  }
}
