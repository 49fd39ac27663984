package dev.culvert.tunnel.esp.global;

import static dev.culvert.tunnel.esp.global.ExchangeLimits.OFFER_LIFETIME;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.OFFER_REUSE;

import java.util.random.RandomGenerator;

/**
 * What this end, as responder, offers one peer: one epoch for all hellos of a while, so that
 * replayed ones evict nothing. The one before is still taken, since a replay may have drawn the
 * next just as the peer was about to confirm.
 */
final class PairOffers {
  private static final Offer NONE = new Offer(Epoch.NONE, 0);

  private record Offer(Epoch epoch, long drawnAt) {
    boolean isYounger(long than, long nowNanos) {
      return !epoch.equals(Epoch.NONE) && nowNanos - drawnAt < than;
    }

    boolean stands(Epoch echoed, long nowNanos) {
      return epoch.equals(echoed) && isYounger(OFFER_LIFETIME, nowNanos);
    }
  }

  private Offer current = NONE;
  private Offer previous = NONE;

  /** What a hello is answered with now. */
  Epoch offer(RandomGenerator randomness, long nowNanos) {
    if (!current.isYounger(OFFER_REUSE, nowNanos)) {
      previous = current;
      current = new Offer(Epoch.draw(randomness), nowNanos);
    }
    return current.epoch;
  }

  /** Whether a confirmation that echoes this is taken. */
  boolean stands(Epoch echoed, long nowNanos) {
    return current.stands(echoed, nowNanos) || previous.stands(echoed, nowNanos);
  }

  /** One was used up: none serves again. */
  void end() {
    current = NONE;
    previous = NONE;
  }
}
