// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static dev.culvert.tunnel.esp.global.ExchangeLimits.NEW_HELLOS_PER_SECOND;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.REMEMBERED;

import java.util.Map;

/**
 * Decides which hellos of one peer are answered. All are authentic, but any may be a replay, and an
 * attacker can send recorded ones at any rate. So the limit depends on the contents: a hello that
 * was seen before has a limit of its own, which leaves that of new hellos alone.
 */
final class HelloLimiter {
  /** A hello, which its sender repeats until it is answered. */
  private record Hello(int keyId, Epoch epoch) {}

  private final Map<Hello, AnswerPace> seen = new Remembered<>();
  private final TokenBucket unseen = new TokenBucket(NEW_HELLOS_PER_SECOND, REMEMBERED);

  /** Whether to answer {@code hello}, which is authentic. */
  boolean allow(ExchangeMessage hello, boolean toHome, long nowNanos) {
    Hello said = new Hello(hello.keyId(), hello.epochs().initiator());
    AnswerPace pace = seen.get(said);
    if (pace == null) {
      if (!unseen.take(nowNanos)) {
        return false;
      }
      pace = new AnswerPace();
      seen.put(said, pace);
    }
    return pace.allow(toHome, nowNanos);
  }
}
