// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static dev.culvert.tunnel.esp.global.ExchangeLimits.RENEW_AFTER;

import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.KeyingState;
import dev.culvert.tunnel.noise.PeerTimers;
import org.jspecify.annotations.Nullable;

/**
 * An exchange in the state of another process, except its limits on answers to replays, which begin
 * anew.
 *
 * @param own the fields of the exchange itself
 * @param difference the known difference between the ends' configurations
 */
record SavedExchange(
    Own own,
    PairSessions.Saved sessions,
    PairOffers offers,
    PairRotation rotation,
    PeerTimers liveness,
    @Nullable String difference) {
  /**
   * The fields of {@link PairExchange}.
   *
   * @param accepted the exchange that this end accepted last as responder
   */
  record Own(
      PairExchange.Phase phase,
      Epochs epochs,
      int keyId,
      int attempts,
      long sentAt,
      long dueAt,
      boolean inDoubt,
      PairExchange.@Nullable Accepted accepted) {
    void save(StateWriter out, long nowNanos) {
      out.text(phase.name());
      epochs.save(out);
      out.int32(keyId).int32(attempts).time(sentAt, nowNanos).time(dueAt, nowNanos).flag(inDoubt);
      out.optional(
          accepted,
          last -> {
            out.int32(last.keyId());
            last.epochs().save(out);
            out.time(last.at(), nowNanos);
          });
    }

    static Own read(StateReader in, long savedAtNanos) throws StateException {
      Own own =
          KeyingState.checked(
              () ->
                  new Own(
                      PairExchange.Phase.valueOf(in.text()),
                      Epochs.read(in),
                      in.int32(),
                      in.int32(),
                      in.time(savedAtNanos),
                      in.time(savedAtNanos),
                      in.flag(),
                      in.optional(() -> accepted(in, savedAtNanos))));
      own.check();
      return own;
    }

    private static PairExchange.Accepted accepted(StateReader in, long savedAtNanos)
        throws StateException {
      return new PairExchange.Accepted(
          in.int32(), Epochs.read(in), in.time(savedAtNanos), new AnswerPace());
    }

    private void check() throws StateException {
      boolean begun = !epochs.initiator().equals(Epoch.NONE);
      boolean answered = !epochs.responder().equals(Epoch.NONE) && KeyIds.isValid(keyId);
      boolean possible =
          switch (phase) {
            case IDLE -> true;
            case AWAIT_ANSWER -> begun;
            case AWAIT_ACK -> begun && answered;
          };
      if (!possible || attempts < 0) {
        throw new StateException("no state of an exchange");
      }
    }
  }

  /** Reads the exchange with {@code pair}, which is configured as it was. */
  static SavedExchange read(
      EspPeerSettings pair, GlobalState state, StateReader in, KeyingState.Context context)
      throws StateException {
    long now = context.savedAtNanos();
    Own own = Own.read(in, now);
    PairSessions.Saved sessions = PairSessions.read(pair, state, in, context);
    SavedExchange read =
        new SavedExchange(
            own,
            sessions,
            PairOffers.read(in, now),
            PairRotation.read(pair.name(), state, in, now),
            PairLiveness.read(in, now),
            in.optional(in::text));
    in.end();
    if ((own.phase == PairExchange.Phase.AWAIT_ACK) != (sessions.unacknowledged() != null)) {
      throw new StateException("an exchange without its session");
    }
    return read;
  }

  /** The time of the next step, which an exchange without SAs does not put off. */
  long dueAt(long savedAtNanos) {
    return sessions.sessions().isSending() || own.phase != PairExchange.Phase.IDLE
        ? Math.min(own.dueAt, savedAtNanos + RENEW_AFTER)
        : savedAtNanos;
  }
}
