// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static dev.culvert.tunnel.esp.global.ExchangeLimits.MAX_INBOUND;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.NEVER;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.OVERLAP;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.REJECT_AFTER;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.esp.KeyingState;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.SaParameters;
import dev.culvert.tunnel.esp.Selectors;
import dev.culvert.tunnel.esp.UnclaimedSecrets;
import dev.culvert.tunnel.esp.global.KeySchedule.Direction;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The SAs with one peer, for receiving and for sending. */
final class PairSessions {
  /** The place of a session that does not exist. */
  private static final int NONE = -1;

  private final GlobalState state;
  private final ArrayDeque<Session> inbound = new ArrayDeque<>();
  private EspPeerSettings pair;
  private @Nullable Session outbound;
  private long stopAt = NEVER;

  /** The SAs of one exchange: used for receiving at once, and for sending on request. */
  final class Session {
    /** Null once no more keys may be derived. */
    private @Nullable GlobalKey key;

    private final int keyId;
    private final Epochs epochs;
    private final Direction out;
    private final Map<Selectors, SaKeyId> receiving = new HashMap<>();
    private final Map<Selectors, SaKeyId> sending = new HashMap<>();

    /** The SAs to send under once the peer is known to receive. */
    private final Map<Selectors, SaParameters> ready = new HashMap<>();

    private long removeAt;

    private Session(int keyId, Epochs epochs, boolean initiator, long removeAt) {
      this.keyId = keyId;
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
          SaParameters sa = derive(selectors, out.reverse(), false);
          if (sa == null) {
            return false;
          }
          receiving.put(selectors, sa.keyId());
          state.events.add(new KeyingEvent.AddInbound(pair.name(), sa));
        }
      }
      return true;
    }

    /** Makes the send SAs in advance, while the global key exists. */
    private void prepare() {
      for (Selectors selectors : pair.outbound()) {
        SaParameters sa = derive(selectors, out, true);
        if (sa != null) {
          ready.put(selectors, sa);
        }
      }
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
          sa = sa == null ? derive(selectors, out, true) : sa;
          if (sa == null) {
            return false;
          }
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

    /** Derives the keys of an SA; null if that cannot be done any more. */
    @SuppressWarnings("ReferenceEquality") // Another key with that id does not count.
    private @Nullable SaParameters derive(
        Selectors selectors, Direction direction, boolean toPeer) {
      GlobalKey from = key;
      if (from == null || state.ring.get(keyId) != from) {
        return null; // The ring has wiped it, since no peer used it any more.
      }
      KeySchedule.Purpose purpose =
          new KeySchedule.Purpose(from, pair, selectors, state.esn, epochs, direction, toPeer);
      byte[] material = KeySchedule.saKey(purpose);
      int salt = ByteBuffer.wrap(material).getInt(from.aesKeyLength());
      SecretBytes aes = SecretBytes.owning(Arrays.copyOf(material, from.aesKeyLength()));
      Arrays.fill(material, (byte) 0);
      return new SaParameters(
          pair.binding() == EspPeerSettings.Binding.ENDPOINTS ? KeySchedule.spi(purpose) : keyId,
          AeadAlgorithm.AES_GCM,
          aes,
          salt,
          state.esn,
          1,
          state.esn ? ExchangeLimits.REJECT_AFTER_PACKETS : SaParameters.LIMIT_32,
          state.esn ? ExchangeLimits.RENEW_AFTER_PACKETS : ExchangeLimits.RENEW_AFTER_PACKETS_32,
          selectors);
    }

    /** Whether packets can be sent under it, unless there are none to send. */
    private boolean isSending(EspPeerSettings to) {
      return !sending.isEmpty() || to.outbound().isEmpty();
    }

    @SuppressWarnings("ReferenceEquality") // Another key with that id does not count.
    private void save(StateWriter to, long nowNanos) {
      to.int32(keyId).flag(key != null && state.ring.get(keyId) == key);
      epochs.save(to);
      to.flag(out == Direction.FROM_INITIATOR).time(removeAt, nowNanos);
      saveKeys(receiving, to);
      saveKeys(sending, to);
      to.list(ready.values(), sa -> sa.save(to, nowNanos));
    }

    private static void saveKeys(Map<Selectors, SaKeyId> keys, StateWriter to) {
      to.list(
          keys.entrySet(),
          entry -> {
            entry.getKey().save(to);
            entry.getValue().save(to);
          });
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
    Session session = new Session(key.id(), epochs, initiator, nowNanos + REJECT_AFTER + OVERLAP);
    session.key = key;
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

  /** Derives nothing more from the present sessions. */
  void deriveNoMore() {
    all(null).forEach(session -> session.key = null);
  }

  /**
   * All sessions, each once, those for receiving first, and with {@code more} if it is not null.
   */
  private List<Session> all(@Nullable Session more) {
    Set<Session> all = new LinkedHashSet<>(inbound);
    Stream.of(Optional.ofNullable(outbound), Optional.ofNullable(more))
        .flatMap(Optional::stream)
        .forEach(all::add);
    return List.copyOf(all);
  }

  /**
   * Writes all sessions.
   *
   * @param unacknowledged the session that the peer has yet to acknowledge
   */
  void save(@Nullable Session unacknowledged, StateWriter to, long nowNanos) {
    List<Session> all = all(unacknowledged);
    to.list(all, session -> session.save(to, nowNanos)).int32(inbound.size());
    to.int32(outbound == null ? NONE : all.indexOf(outbound));
    to.int32(unacknowledged == null ? NONE : all.indexOf(unacknowledged)).time(stopAt, nowNanos);
  }

  /**
   * The sessions of another process.
   *
   * @param all each once
   * @param derivable those from which more keys may be derived
   * @param unacknowledged the one that the peer has yet to acknowledge
   */
  record Saved(
      PairSessions sessions,
      List<Session> all,
      List<Session> derivable,
      @Nullable Session unacknowledged) {
    /** The keys of all SAs in use. */
    void keys(Set<SaKeyId> into) {
      for (Session session : all) {
        into.addAll(session.receiving.values());
        into.addAll(session.sending.values());
      }
    }

    /** Makes the sessions complete, once the ring has all keys of the state. */
    PairSessions complete(UnclaimedSecrets secrets) {
      derivable.forEach(session -> session.key = sessions.state.ring.get(session.keyId));
      for (Session session : all) {
        session.ready.replaceAll((selectors, sa) -> sa.ahead(SafetyJump.PACKETS));
        session.ready.values().forEach(sa -> secrets.claim(sa.key()));
      }
      return sessions;
    }
  }

  /** Reads the sessions that {@link #save} wrote, for a peer that is configured as it was. */
  static Saved read(
      EspPeerSettings pair, GlobalState state, StateReader in, KeyingState.Context context)
      throws StateException {
    PairSessions read = new PairSessions(pair, state);
    long now = context.savedAtNanos();
    List<Session> derivable = new ArrayList<>();
    List<Session> all = in.list(() -> read.readSession(in, context, derivable));
    int receiving = in.int32();
    int current = in.int32();
    int unacknowledged = in.int32();
    if (receiving < 0
        || receiving > Math.min(all.size(), MAX_INBOUND)
        || Math.max(current, unacknowledged) >= all.size()
        || Math.min(current, unacknowledged) < NONE) {
      throw new StateException("no such session");
    }
    long stopAt = Math.min(in.time(now), now + REJECT_AFTER);
    read.inbound.addAll(all.subList(0, receiving));
    if (current != NONE && all.get(current).isSending(pair)) {
      read.outbound = all.get(current);
      read.stopAt = stopAt;
    }
    return new Saved(read, all, derivable, unacknowledged == NONE ? null : all.get(unacknowledged));
  }

  private Session readSession(StateReader in, KeyingState.Context context, List<Session> derivable)
      throws StateException {
    long now = context.savedAtNanos();
    int keyId = in.int32();
    boolean mayDerive = in.flag();
    Epochs epochs = Epochs.read(in);
    boolean initiator = in.flag();
    long removeAt = Math.min(in.time(now), now + REJECT_AFTER + OVERLAP);
    if (!KeyIds.isValid(keyId)) {
      throw new StateException("a session under no key");
    }
    Session session = new Session(keyId, epochs, initiator, removeAt);
    in.list(() -> session.receiving.put(Selectors.read(in), SaKeyId.read(in)));
    in.list(() -> session.sending.put(Selectors.read(in), SaKeyId.read(in)));
    in.list(
        () -> {
          SaParameters sa = SaParameters.read(in, context.secrets(), now);
          return session.ready.put(sa.selectors(), sa);
        });
    // Without those that the engine cannot continue.
    KeyingState.Sas sas = context.peers().getOrDefault(pair.name(), KeyingState.Sas.NONE);
    session.receiving.values().retainAll(sas.inbound());
    session.sending.values().retainAll(sas.outbound());
    if (mayDerive) {
      derivable.add(session);
    }
    return session;
  }

  long nextDeadlineNanos() {
    long next = stopAt;
    for (Session session : inbound) {
      next = Math.min(next, session.removeAt);
    }
    return next;
  }
}
