// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
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

  /** Writes the sources whose buckets are not full. */
  void save(StateWriter out, long nowNanos) {
    Map<IpAddress, Bucket> lately = new HashMap<>(buckets);
    lately.values().removeIf(bucket -> nowNanos - bucket.filledAt >= FORGET_AFTER);
    out.list(
        lately.entrySet(),
        source ->
            out.address(source.getKey())
                .int64(source.getValue().tokens)
                .time(source.getValue().filledAt, nowNanos));
  }

  /** Takes over the sources of another process. */
  void adopt(RateLimiter read) {
    buckets.putAll(read.buckets);
  }

  static RateLimiter read(StateReader in, long savedAtNanos) throws StateException {
    RateLimiter limiter = new RateLimiter();
    in.list(
        () -> {
          IpAddress source = in.address();
          Bucket bucket = new Bucket();
          bucket.tokens = in.int64();
          bucket.filledAt = in.time(savedAtNanos);
          if (bucket.tokens < 0 || bucket.tokens > BURST || bucket.filledAt > savedAtNanos) {
            throw new StateException("no bucket of a rate limiter");
          }
          limiter.buckets.put(source, bucket);
          return source;
        });
    if (limiter.buckets.size() > MAX_SOURCES) {
      throw new StateException("more sources than a rate limiter has");
    }
    return limiter;
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
