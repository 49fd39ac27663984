// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static dev.culvert.tunnel.esp.global.ExchangeLimits.OFFER_LIFETIME;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.OFFER_REUSE;

import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.util.random.RandomGenerator;

/**
 * The epochs that this end, as responder, offers one peer: one epoch for all hellos of some
 * seconds, so that replayed ones evict nothing. The previous epoch is still accepted, since a
 * replayed hello may have caused a new one just before the peer confirms.
 */
final class PairOffers {
  private static final Offer NONE = new Offer(Epoch.NONE, 0);

  private record Offer(Epoch epoch, long drawnAt) {
    boolean isYounger(long than, long nowNanos) {
      return !epoch.equals(Epoch.NONE) && nowNanos - drawnAt < than;
    }

    void save(StateWriter out, long nowNanos) {
      epoch.save(out);
      out.time(drawnAt, nowNanos);
    }

    static Offer read(StateReader in, long savedAtNanos) throws StateException {
      return new Offer(Epoch.read(in), in.time(savedAtNanos));
    }

    boolean stands(Epoch echoed, long nowNanos) {
      return epoch.equals(echoed) && isYounger(OFFER_LIFETIME, nowNanos);
    }
  }

  private Offer current = NONE;
  private Offer previous = NONE;

  /** The epoch for answering a hello now. */
  Epoch offer(RandomGenerator randomness, long nowNanos) {
    if (!current.isYounger(OFFER_REUSE, nowNanos)) {
      previous = current;
      current = new Offer(Epoch.draw(randomness), nowNanos);
    }
    return current.epoch;
  }

  /** Whether a confirmation that echoes this epoch is accepted. */
  boolean stands(Epoch echoed, long nowNanos) {
    return current.stands(echoed, nowNanos) || previous.stands(echoed, nowNanos);
  }

  void save(StateWriter out, long nowNanos) {
    current.save(out, nowNanos);
    previous.save(out, nowNanos);
  }

  static PairOffers read(StateReader in, long savedAtNanos) throws StateException {
    PairOffers offers = new PairOffers();
    offers.current = Offer.read(in, savedAtNanos);
    offers.previous = Offer.read(in, savedAtNanos);
    return offers;
  }

  boolean isEmpty() {
    return current.equals(NONE) && previous.equals(NONE);
  }

  /** Takes over the offers of another process. */
  void adopt(PairOffers read) {
    current = read.current;
    previous = read.previous;
  }

  /** Ends all offers after one was used, since none may be used again. */
  void end() {
    current = NONE;
    previous = NONE;
  }
}
