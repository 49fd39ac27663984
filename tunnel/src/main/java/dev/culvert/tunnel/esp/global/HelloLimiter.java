package dev.culvert.tunnel.esp.global;

import static dev.culvert.tunnel.esp.global.ExchangeLimits.NEW_HELLOS_PER_SECOND;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.REMEMBERED;

import java.util.Map;

/**
 * Which hellos of one peer are answered. All are authentic, but any may be a replay, and he who has
 * recorded some can send them as fast as he likes. So they are limited by what they say: one that
 * was seen has a pace of its own, and takes nothing away from those that were not.
 */
final class HelloLimiter {
  /** A hello, whose sender says it again and again until it is answered. */
  private record Hello(int keyId, Epoch epoch) {}

  private final Map<Hello, AnswerPace> seen = new Remembered<>();
  private final TokenBucket unseen = new TokenBucket(NEW_HELLOS_PER_SECOND, REMEMBERED);

  /** Whether {@code hello}, which was found authentic, is answered. */
  boolean allow(ExchangeMessage hello, boolean toHome, long nowNanos) {
    Hello what = new Hello(hello.keyId(), hello.epochs().initiator());
    AnswerPace pace = seen.get(what);
    if (pace == null) {
      if (!unseen.take(nowNanos)) {
        return false;
      }
      pace = new AnswerPace();
      seen.put(what, pace);
    }
    return pace.allow(toHome, nowNanos);
  }
}
