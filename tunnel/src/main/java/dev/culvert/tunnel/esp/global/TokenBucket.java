// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import java.util.concurrent.TimeUnit;

/** A limit of events per second with a burst. */
final class TokenBucket {
  private final long cost;
  private final long full;
  private long tokens;
  private long filledAt = Long.MIN_VALUE;

  TokenBucket(int perSecond, int burst) {
    cost = TimeUnit.SECONDS.toNanos(1) / perSecond;
    full = burst * cost;
    tokens = full;
  }

  boolean take(long nowNanos) {
    long since = filledAt == Long.MIN_VALUE ? 0 : nowNanos - filledAt;
    tokens = since >= full ? full : Math.min(full, tokens + since);
    filledAt = nowNanos;
    if (tokens < cost) {
      return false;
    }
    tokens -= cost;
    return true;
  }
}
