// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static dev.culvert.tunnel.esp.global.ExchangeLimits.MAX_INBOUND;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.NEVER;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.OVERLAP;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.REJECT_AFTER;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.SaParameters;
import dev.culvert.tunnel.esp.Selectors;
import dev.culvert.tunnel.esp.global.KeySchedule.Direction;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The SAs with one peer, for receiving and for sending. */
final class PairSessions {
  private final GlobalState state;
  private final ArrayDeque<Session> inbound = new ArrayDeque<>();
  private EspPeerSettings pair;
  private @Nullable Session outbound;
  private long stopAt = NEVER;

  /** The SAs of one exchange: used for receiving at once, and for sending on request. */
  final class Session {
    private final GlobalKey key;
    private final Epochs epochs;
    private final Direction out;
    private final Map<Selectors, SaKeyId> receiving = new HashMap<>();
    private final Map<Selectors, SaKeyId> sending = new HashMap<>();

    /** The SAs to send under once the peer is known to receive. */
    private final Map<Selectors, SaParameters> ready = new HashMap<>();

    private long removeAt;

    private Session(GlobalKey key, Epochs epochs, boolean initiator, long removeAt) {
      this.key = key;
      this.epochs = epochs;
      this.removeAt = removeAt;
      out = initiator ? Direction.FROM_INITIATOR : Direction.FROM_RESPONDER;
    }

    /**
     * Makes the receive SAs for exactly the ranges behind this end now.
     *
     * @return whether all of them exist
     */
    private boolean receive() {
      List<Selectors> wanted = pair.inbound();
      receiving.forEach(
          (selectors, id) -> {
            if (!wanted.contains(selectors)) {
              state.events.add(new KeyingEvent.RemoveInbound(pair.name(), id));
            }
          });
      receiving.keySet().retainAll(wanted);
      for (Selectors selectors : wanted) {
        if (!receiving.containsKey(selectors)) {
          if (!isDerivable()) {
            return false;
          }
          SaParameters sa = derive(selectors, out.reverse(), false);
          receiving.put(selectors, sa.keyId());
          state.events.add(new KeyingEvent.AddInbound(pair.name(), sa));
        }
      }
      return true;
    }

    /** Makes the send SAs in advance, while the global key exists. */
    private void prepare() {
      pair.outbound().forEach(selectors -> ready.put(selectors, derive(selectors, out, true)));
    }

    /**
     * Uses the send SAs for the ranges behind the peer now; the engine itself ends SAs for other
     * ranges.
     *
     * @return whether all of them exist
     */
    private boolean send() {
      List<Selectors> wanted = pair.outbound();
      sending.keySet().retainAll(wanted);
      for (Selectors selectors : wanted) {
        if (!sending.containsKey(selectors)) {
          SaParameters sa = ready.remove(selectors);
          if (sa == null && !isDerivable()) {
            return false;
          }
          sa = sa == null ? derive(selectors, out, true) : sa;
          sending.put(selectors, sa.keyId());
          state.events.add(new KeyingEvent.UseOutbound(pair.name(), sa));
        }
      }
      forget();
      return true;
    }

    /** Wipes the send SAs, which will not be used. */
    void forget() {
      ready.values().forEach(sa -> sa.key().close());
      ready.clear();
    }

    private void end() {
      receiving
          .values()
          .forEach(id -> state.events.add(new KeyingEvent.RemoveInbound(pair.name(), id)));
      receiving.clear();
    }

    private SaParameters derive(Selectors selectors, Direction direction, boolean toPeer) {
      KeySchedule.Purpose purpose =
          new KeySchedule.Purpose(key, pair, selectors, state.esn, epochs, direction, toPeer);
      byte[] material = KeySchedule.saKey(purpose);
      int salt = ByteBuffer.wrap(material).getInt(key.aesKeyLength());
      SecretBytes aes = SecretBytes.owning(Arrays.copyOf(material, key.aesKeyLength()));
      Arrays.fill(material, (byte) 0);
      return new SaParameters(
          pair.binding() == EspPeerSettings.Binding.ENDPOINTS ? KeySchedule.spi(purpose) : key.id(),
          AeadAlgorithm.AES_GCM,
          aes,
          salt,
          state.esn,
          1,
          state.esn ? ExchangeLimits.REJECT_AFTER_PACKETS : SaParameters.LIMIT_32,
          state.esn ? ExchangeLimits.RENEW_AFTER_PACKETS : ExchangeLimits.RENEW_AFTER_PACKETS_32,
          selectors);
    }

    /** Whether SAs can still be derived, since the ring wipes keys that no peer uses any more. */
    @SuppressWarnings("ReferenceEquality") // Another key with that id does not count.
    private boolean isDerivable() {
      return state.ring.get(key.id()) == key;
    }
  }

  PairSessions(EspPeerSettings pair, GlobalState state) {
    this.pair = pair;
    this.state = state;
  }

  /**
   * Takes new settings. If each prefix has an SA of its own, this changes the SAs of all sessions.
   *
   * @return whether all needed SAs could be made
   */
  boolean settings(EspPeerSettings changed) {
    pair = changed;
    Session current = outbound;
    boolean whole = true;
    for (Session session : inbound) {
      whole &= session.receive();
    }
    return (current == null || current.send()) && whole;
  }

  /** Derives the keys of an exchange and uses them for receiving. */
  Session receiveUnder(GlobalKey key, Epochs epochs, boolean initiator, long nowNanos) {
    Session session = new Session(key, epochs, initiator, nowNanos + REJECT_AFTER + OVERLAP);
    session.receive();
    session.prepare();
    inbound.addLast(session);
    if (inbound.size() > MAX_INBOUND) {
      inbound.removeFirst().end();
    }
    return session;
  }

  /** Uses {@code session} for sending; older receive SAs stay for the overlap. */
  void sendUnder(Session session, long nowNanos) {
    outbound = session;
    stopAt = nowNanos + REJECT_AFTER;
    session.send();
    for (Session other : inbound) {
      if (!other.equals(session)) {
        other.removeAt = Math.min(other.removeAt, nowNanos + OVERLAP);
      }
    }
  }

  boolean isSending() {
    return outbound != null;
  }

  boolean isSendingUnder(SaKeyId key) {
    return outbound != null && outbound.sending.containsValue(key);
  }

  void stopSending() {
    outbound = null;
    stopAt = NEVER;
    state.events.add(new KeyingEvent.StopSending(pair.name()));
  }

  /** Ends SAs that are too old. */
  void expire(long nowNanos) {
    if (nowNanos >= stopAt) {
      stopSending();
    }
    for (Iterator<Session> each = inbound.iterator(); each.hasNext(); ) {
      Session session = each.next();
      if (nowNanos >= session.removeAt) {
        each.remove();
        session.end();
      }
    }
  }

  /** Ends all SAs. */
  void end() {
    stopSending();
    inbound.forEach(Session::end);
    inbound.clear();
  }

  long nextDeadlineNanos() {
    long next = stopAt;
    for (Session session : inbound) {
      next = Math.min(next, session.removeAt);
    }
    return next;
  }
}
