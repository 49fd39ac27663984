// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static dev.culvert.tunnel.esp.global.ExchangeLimits.ACK_AGAIN;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.DOUBT;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.HELLOS_BEFORE_DROP;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.HELLOS_BEFORE_RANGES;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.MAX_CONFIRMS;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.MAX_RETRY;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.NEVER;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.RANGES_EVERY;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.RENEW_AFTER;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.RENEW_SPREAD;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.RETRY;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.WANTED_RETRY;

import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.PeerState;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.UnclaimedSecrets;
import org.jspecify.annotations.Nullable;

/**
 * The exchange of epochs with one peer, both roles, in the order of its messages:
 *
 * <pre>{@code
 * initiator                                      responder
 * HELLO    Ei                  ->
 *                              <-   ANSWER Ei Er      (keeps Er only)
 * receives under (Ei, Er)
 * CONFIRM  Ei Er               ->
 *                                                receives and sends under (Ei, Er)
 *                              <-   ACK    Ei Er
 * sends under (Ei, Er)
 * }</pre>
 *
 * Either end's epoch is used for one pair of SAs at most, so no key ever returns.
 */
final class PairExchange implements AutoCloseable {
  enum Phase {
    IDLE,
    AWAIT_ANSWER,
    AWAIT_ACK
  }

  /** The last exchange that this end accepted as responder, for sending a lost ACK again. */
  record Accepted(int keyId, Epochs epochs, long at, AnswerPace pace) {
    boolean is(ExchangeMessage confirm) {
      return keyId == confirm.keyId() && epochs.equals(confirm.epochs());
    }
  }

  private final GlobalState state;
  private final PairKeys keys;
  private PairSessions sessions;
  private final HelloLimiter limiter = new HelloLimiter();
  private EspPeerSettings pair;
  private final PairRanges ranges;
  private final PairOffers offers = new PairOffers();
  final PairRotation rotation;
  final PairLiveness liveness;

  private Phase phase = Phase.IDLE;
  private Epochs epochs = new Epochs(Epoch.NONE, Epoch.NONE);
  private int keyId;
  private int attempts;
  private long sentAt;
  private long dueAt = NEVER;
  private PairSessions.@Nullable Session unacknowledged;

  /** A confirmation was sent and never acknowledged: the peer may send under its keys or not. */
  private boolean inDoubt;

  private @Nullable Accepted accepted;

  PairExchange(EspPeerSettings pair, GlobalState state) {
    this.pair = pair;
    this.state = state;
    sessions = new PairSessions(pair, state);
    keys = new PairKeys(pair, state.ring, state.esn);
    ranges = new PairRanges(pair, keys, state);
    rotation = new PairRotation(pair.name(), state);
    liveness = new PairLiveness(state.deadlines, state.jitter(RETRY));
  }

  /** The keys that authenticate the peer's messages. Thread-safe. */
  PairKeys keys() {
    return keys;
  }

  EspPeerSettings pair() {
    return pair;
  }

  PairStatus status() {
    return rotation.status(ranges.difference());
  }

  /**
   * The peer's state, for metrics. Exchanges are tried again without traffic, so a peer without
   * keys is never idle.
   */
  PeerState state() {
    if (phase != Phase.IDLE && attempts >= HELLOS_BEFORE_DROP) {
      return PeerState.STALE;
    }
    if (sessions.isSending()) {
      return PeerState.ESTABLISHED;
    }
    return phase == Phase.IDLE ? PeerState.NEVER : PeerState.HANDSHAKING;
  }

  /** Takes new settings that differ only in the traffic that passes. */
  void settings(EspPeerSettings changed) {
    pair = changed;
    if (!sessions.settings(changed) && phase == Phase.IDLE) {
      dueAt = Long.MIN_VALUE;
    }
  }

  /** Takes settings with another endpoint; the engine has ended the peer's SAs. */
  void moveTo(EspPeerSettings moved) {
    pair = moved;
    startAfresh(Long.MIN_VALUE);
    sessions.settings(moved);
  }

  // 1. Timers.

  void advance(long nowNanos) {
    sessions.expire(nowNanos);
    rotation.advance(nowNanos);
    if (liveness.owesSign(nowNanos) && sessions.isSending()) {
      state.events.add(new KeyingEvent.SendDummy(pair.name()));
    }
    if (liveness.isUnheard(nowNanos) && phase == Phase.IDLE) {
      dueAt = Math.min(dueAt, nowNanos);
    }
    if (phase == Phase.IDLE && rotation.exchangeDueAt() <= nowNanos) {
      dueAt = nowNanos;
    }
    if (nowNanos < dueAt) {
      return;
    }
    switch (phase) {
      case IDLE -> begin(nowNanos);
      case AWAIT_ANSWER -> sayHello(nowNanos);
      case AWAIT_ACK -> {
        if (attempts < MAX_CONFIRMS) {
          sendConfirm(null, nowNanos);
        } else {
          begin(nowNanos);
        }
      }
    }
  }

  private void begin(long nowNanos) {
    abandon();
    phase = Phase.AWAIT_ANSWER;
    epochs = new Epochs(Epoch.draw(state.randomness), Epoch.NONE);
    rotation.exchangeBegins(nowNanos);
    sayHello(nowNanos);
  }

  /** Forgets our own unfinished exchange. Its receive SAs stay for the overlap. */
  private void abandon() {
    if (unacknowledged != null) {
      unacknowledged.forget();
      unacknowledged = null;
      inDoubt = true;
    }
    phase = Phase.IDLE;
    attempts = 0;
  }

  private void sayHello(long nowNanos) {
    for (int id : rotation.helloKeys(attempts)) {
      send(ExchangeMessage.Type.HELLO, id, epochs, pair.helloTo(attempts));
      if (attempts % RANGES_EVERY == HELLOS_BEFORE_RANGES) {
        ranges.tell(id);
      }
    }
    if (attempts + 1 == HELLOS_BEFORE_DROP && !sessions.isSending()) {
      sessions.stopSending();
    }
    waitLonger(nowNanos);
  }

  private void waitLonger(long nowNanos) {
    long wait = Math.min(RETRY << Math.min(attempts, 10), MAX_RETRY);
    attempts++;
    sentAt = nowNanos;
    dueAt = nowNanos + wait + state.jitter(wait / 3);
  }

  /** Speeds up the exchange, since traffic waits. */
  void wanted(long nowNanos) {
    if (phase == Phase.AWAIT_ANSWER) {
      dueAt = Math.min(dueAt, sentAt + WANTED_RETRY);
    } else if (phase == Phase.IDLE && !sessions.isSending()) {
      dueAt = Math.min(dueAt, nowNanos);
    }
  }

  void runningLow(SaKeyId key, long nowNanos) {
    if (sessions.isSendingUnder(key) && phase == Phase.IDLE) {
      dueAt = Math.min(dueAt, nowNanos);
    }
  }

  /** Ends all keys made before now, for sending and receiving. */
  void startAfresh(long nowNanos) {
    sessions.end();
    liveness.end();
    abandon();
    offers.end();
    accepted = null;
    dueAt = nowNanos;
  }

  // 2. Arriving messages. Lanes have dropped forged ones, so all limits here are for replays.

  /**
   * Handles a message; returns true if it was accepted and is not a hello, so that deadlines may
   * have changed.
   */
  boolean receive(ExchangeMessage message, byte[] bytes, Endpoint from, long nowNanos) {
    GlobalKey key = state.ring.get(message.keyId());
    MacKey macKey = keys.exchange(message.keyId());
    if (key == null || macKey == null) {
      return dropped(ExchangeDrop.UNKNOWN_KEY);
    }
    if (rotation.isRetired(key.id())) {
      return dropped(ExchangeDrop.RETIRED_KEY);
    }
    if (!isExpected(message, nowNanos)) {
      return dropped(ExchangeDrop.NOT_EXPECTED);
    }
    if (!state.mac.isAuthentic(macKey, bytes, bytes.length)) {
      return dropped(ExchangeDrop.BAD_MAC);
    }
    if (!mayAnswer(message, from, nowNanos)) {
      return dropped(ExchangeDrop.RATE_LIMITED);
    }
    switch (message.type()) {
      case HELLO -> onHello(message, from, nowNanos);
      case ANSWER -> onAnswer(message, key, from, nowNanos);
      case CONFIRM -> onConfirm(message, key, from, nowNanos);
      case ACK -> onAck(message, from, nowNanos);
    }
    return message.type() != ExchangeMessage.Type.HELLO;
  }

  /** Handles a message with the peer's ranges, which the peer sends if it gets no answers. */
  void receiveRanges(byte[] message, long nowNanos) {
    ranges.receive(message, nowNanos);
  }

  private boolean dropped(ExchangeDrop reason) {
    state.drop(reason);
    return false;
  }

  /**
   * Whether this is the message that we wait for. If two exchanges are under way at once, the one
   * begun by the lower address goes on: that end ignores the other's meanwhile.
   */
  private boolean isExpected(ExchangeMessage message, long nowNanos) {
    boolean prevails = pair.localNode().compareTo(pair.remoteNode()) < 0;
    return switch (message.type()) {
      case HELLO ->
          !prevails
              || phase == Phase.IDLE
              || (phase == Phase.AWAIT_ANSWER && nowNanos - sentAt >= RETRY);
      case ANSWER ->
          phase == Phase.AWAIT_ANSWER && message.epochs().initiator().equals(epochs.initiator());
      case CONFIRM ->
          isAcceptedAgain(message, nowNanos)
              || (offers.stands(message.epochs().responder(), nowNanos)
                  && !(prevails && phase == Phase.AWAIT_ACK));
      case ACK ->
          phase == Phase.AWAIT_ACK && message.keyId() == keyId && message.epochs().equals(epochs);
    };
  }

  /** Whether this confirmation was accepted before, so that our ACK may have been lost. */
  private boolean isAcceptedAgain(ExchangeMessage confirm, long nowNanos) {
    Accepted last = accepted;
    return last != null && last.is(confirm) && nowNanos - last.at < ACK_AGAIN;
  }

  /**
   * Whether to answer a message that may be a replay; repeated ones are answered at a limited rate.
   */
  private boolean mayAnswer(ExchangeMessage message, Endpoint from, long nowNanos) {
    boolean toHome = from.isSamePlace(pair.endpoint());
    Accepted last = accepted;
    return switch (message.type()) {
      case HELLO -> limiter.allow(message, toHome, nowNanos);
      case CONFIRM -> last == null || !last.is(message) || last.pace.allow(toHome, nowNanos);
      case ANSWER, ACK -> true; // Each is taken once and not expected again.
    };
  }

  /** Handles a hello. It may be a replay, so it changes nothing but the age of our offer. */
  private void onHello(ExchangeMessage hello, Endpoint from, long nowNanos) {
    Epoch offer = offers.offer(state.randomness, nowNanos);
    send(
        ExchangeMessage.Type.ANSWER,
        hello.keyId(),
        new Epochs(hello.epochs().initiator(), offer),
        from);
  }

  /** Handles an answer, which is fresh since it echoes our epoch. */
  private void onAnswer(ExchangeMessage answer, GlobalKey key, Endpoint from, long nowNanos) {
    heard(answer, from, nowNanos);
    phase = Phase.AWAIT_ACK;
    epochs = answer.epochs();
    keyId = key.id();
    attempts = 0;
    unacknowledged = sessions.receiveUnder(key, epochs, true, nowNanos);
    sendConfirm(from, nowNanos);
  }

  private void sendConfirm(@Nullable Endpoint to, long nowNanos) {
    send(ExchangeMessage.Type.CONFIRM, keyId, epochs, to);
    waitLonger(nowNanos);
  }

  /**
   * Handles a confirmation, which is fresh since it echoes the epoch that we offered, and which is
   * used once.
   */
  private void onConfirm(ExchangeMessage confirm, GlobalKey key, Endpoint from, long nowNanos) {
    if (!isAcceptedAgain(confirm, nowNanos)) {
      heard(confirm, from, nowNanos);
      abandon();
      accepted = new Accepted(key.id(), confirm.epochs(), nowNanos, new AnswerPace());
      PairSessions.Session session = sessions.receiveUnder(key, confirm.epochs(), false, nowNanos);
      agreed(session, key.id(), false, nowNanos);
    }
    send(ExchangeMessage.Type.ACK, confirm.keyId(), confirm.epochs(), from);
  }

  private void onAck(ExchangeMessage ack, Endpoint from, long nowNanos) {
    PairSessions.Session session = unacknowledged;
    if (session == null) {
      throw new IllegalStateException("an ACK is only awaited after an answer");
    }
    heard(ack, from, nowNanos);
    unacknowledged = null;
    inDoubt = false;
    accepted = null;
    phase = Phase.IDLE;
    agreed(session, ack.keyId(), true, nowNanos);
  }

  /** Both ends receive under the new keys. */
  private void agreed(
      PairSessions.Session session, int agreedKeyId, boolean initiator, long nowNanos) {
    offers.end();
    attempts = 0;
    ranges.agreed();
    sessions.sendUnder(session, nowNanos);
    dueAt = nowNanos + RENEW_AFTER - (initiator ? state.jitter(RENEW_SPREAD) : 0);
    if (inDoubt) {
      inDoubt = false;
      dueAt = nowNanos + DOUBT + state.jitter(RETRY);
    }
    rotation.agreedOn(agreedKeyId, initiator, nowNanos);
  }

  private void heard(ExchangeMessage fresh, Endpoint from, long nowNanos) {
    liveness.heard(nowNanos);
    rotation.peerSays(fresh.publishedId(), fresh.heldIds(), nowNanos);
    state.events.add(new KeyingEvent.Heard(pair.name(), from));
  }

  // 3. Leaving messages.

  private void send(ExchangeMessage.Type type, int underKey, Epochs both, @Nullable Endpoint to) {
    MacKey macKey = keys.exchange(underKey);
    if (macKey == null) {
      return; // The key was retired during this exchange; the next attempt takes another.
    }
    ExchangeMessage message =
        new ExchangeMessage(type, underKey, state.ring.published(), state.ring.heldIds(), both);
    state.messages.add(new Keying.Message(message.seal(macKey, state.mac), pair.name(), to));
  }

  // 4. Another process.

  void save(StateWriter out, long nowNanos) {
    new SavedExchange.Own(phase, epochs, keyId, attempts, sentAt, dueAt, inDoubt, accepted)
        .save(out, nowNanos);
    sessions.save(unacknowledged, out, nowNanos);
    offers.save(out, nowNanos);
    rotation.save(out, nowNanos);
    liveness.save(out, nowNanos);
    out.optional(ranges.difference(), out::text);
  }

  /** Continues an exchange that was read, once the ring has all keys of the state. */
  void takeOver(SavedExchange saved, UnclaimedSecrets secrets, long savedAtNanos) {
    SavedExchange.Own own = saved.own();
    phase = own.phase();
    epochs = own.epochs();
    keyId = own.keyId();
    attempts = own.attempts();
    sentAt = own.sentAt();
    dueAt = saved.dueAt(savedAtNanos);
    inDoubt = own.inDoubt();
    accepted = own.accepted();
    sessions = saved.sessions().complete(secrets);
    unacknowledged = saved.sessions().unacknowledged();
    offers.adopt(saved.offers());
    rotation.adopt(saved.rotation());
    liveness.adopt(saved.liveness());
    ranges.difference(saved.difference());
    // The peer's prefixes may be others than they were.
    settings(pair);
  }

  /**
   * Goes on though another process continued this exchange: that one may have derived keys from the
   * epochs that are under way, and from those in use, for prefixes that came later.
   */
  void goOn() {
    boolean underWay = phase != Phase.IDLE || !offers.isEmpty();
    abandon();
    offers.end();
    sessions.deriveNoMore();
    if (underWay) {
      dueAt = Long.MIN_VALUE;
    }
  }

  /** The next deadline in nanoseconds; never too late, perhaps too early. */
  long nextDeadlineNanos() {
    long next = Math.min(dueAt, sessions.nextDeadlineNanos());
    next = Math.min(next, rotation.overdueAt());
    return phase == Phase.IDLE ? Math.min(next, rotation.exchangeDueAt()) : next;
  }

  /** Ends the exchange and its SAs, for a peer whose settings changed. */
  void end() {
    sessions.end();
    close();
  }

  @Override
  public void close() {
    abandon();
    dueAt = NEVER;
    liveness.end();
    keys.close();
  }
}
