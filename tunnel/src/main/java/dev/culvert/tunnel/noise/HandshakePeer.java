// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.Tai64n;
import dev.culvert.tunnel.engine.PeerState;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The state of the handshakes with one peer. The first half of its fields is shared with lanes, the
 * second belongs to the control thread.
 */
public final class HandshakePeer {
  private final PublicKey publicKey;
  private final HandshakeUser user;
  private final PeerTimers timers;
  private volatile long nextInitiation = Long.MIN_VALUE;
  private volatile int handshakeAttempts;
  private volatile boolean lastMinuteHandshake;

  /** Whether the handshake under way is a greeting, for which no data waits. */
  private volatile boolean greeting;

  // Control thread only.
  final CookieGenerator cookies;
  private SecretBytes presharedKey = SecretBytes.owning(new byte[Messages.KEY_LENGTH]);
  private @Nullable SecretBytes staticStatic;
  private @Nullable PendingInitiation pending;
  private @Nullable Instant lastHandshake;
  private boolean unanswered;
  private long unansweredSince;
  private long lastInitiation;
  @Nullable Tai64n lastTimestampReceived;
  @Nullable Tai64n lastTimestampSent;
  long nextInitiationAccepted = Long.MIN_VALUE;

  public HandshakePeer(
      PublicKey publicKey, ProtocolLabels labels, Deadlines deadlines, HandshakeUser user) {
    this.publicKey = publicKey;
    this.user = user;
    timers = new PeerTimers(deadlines);
    cookies = new CookieGenerator(publicKey, labels);
  }

  public PublicKey publicKey() {
    return publicKey;
  }

  HandshakeUser user() {
    return user;
  }

  public PeerTimers timers() {
    return timers;
  }

  /** Whether enough time has passed since the last handshake message to send an initiation. */
  public boolean mayInitiate(long nowNanos) {
    return nowNanos >= nextInitiation;
  }

  public long nextInitiation() {
    return nextInitiation;
  }

  void nextInitiation(long nanos) {
    nextInitiation = nanos;
  }

  public int handshakeAttempts() {
    return handshakeAttempts;
  }

  void handshakeAttempts(int attempts) {
    handshakeAttempts = attempts;
  }

  /**
   * Counts attempts from zero. Lanes that have data to send do so, which puts off giving up the
   * handshake under way. Thread-safe.
   */
  public void resetAttempts() {
    if (handshakeAttempts != 0) {
      handshakeAttempts = 0;
    }
    if (greeting) {
      greeting = false;
    }
  }

  /**
   * Begins a handshake for which no data waits, unless one is under way. It is given up after
   * {@link Messages#MAX_GREETING_ATTEMPTS}, if no data comes before.
   */
  public void greet(long nowNanos) {
    if (!timers.isArmed(Timer.RETRANSMIT_HANDSHAKE)) {
      handshakeAttempts = 0;
      greeting = true;
      timers.arm(Timer.RETRANSMIT_HANDSHAKE, Math.max(nowNanos, nextInitiation));
    }
  }

  /** The number of attempts after which the handshake under way is given up. */
  int mostAttempts() {
    return greeting ? Messages.MAX_GREETING_ATTEMPTS : Messages.MAX_HANDSHAKE_ATTEMPTS;
  }

  /** Whether a last-minute handshake was asked for in this session already. */
  public boolean lastMinuteHandshake() {
    return lastMinuteHandshake;
  }

  public void lastMinuteHandshake(boolean asked) {
    lastMinuteHandshake = asked;
  }

  /**
   * Resets the state to that before the first message. The caller has to forget a pending
   * initiation.
   */
  public void startAfresh() {
    timers.cancel(Timer.RETRANSMIT_HANDSHAKE);
    resetAttempts();
    nextInitiation = Long.MIN_VALUE;
    unanswered = false;
  }

  /** An initiation was sent: packets or keepalives wait for keys, or the keys are old. */
  void initiated(long nowNanos) {
    if (!isTrying(nowNanos)) {
      unansweredSince = nowNanos;
    }
    unanswered = true;
    lastInitiation = nowNanos;
  }

  private boolean isTrying(long nowNanos) {
    return unanswered && nowNanos - lastInitiation < Messages.WANTED_LATELY;
  }

  /**
   * The peer's state, for people and metrics. A peer that stopped to answer is {@code STALE} even
   * while its last keys may be used.
   */
  public PeerState state(long nowNanos) {
    boolean trying = isTrying(nowNanos);
    if (trying && nowNanos - unansweredSince >= Messages.ANSWER_OVERDUE) {
      return PeerState.STALE;
    }
    if (user.canSend(nowNanos)) {
      return PeerState.ESTABLISHED;
    }
    if (!user.isReachable()) {
      return PeerState.NO_ENDPOINT;
    }
    if (trying) {
      return PeerState.HANDSHAKING;
    }
    return lastHandshake == null ? PeerState.NEVER : PeerState.IDLE;
  }

  /** Stops all timers for good, since the peer was removed. */
  public void retire() {
    timers.cancelAll();
    timers.persistentKeepalive(0);
    presharedKey.close();
    staticStatic(null);
  }

  public SecretBytes presharedKey() {
    return presharedKey;
  }

  /** Takes over {@code key}; it counts from the next handshake on. */
  public void presharedKey(SecretBytes key) {
    presharedKey.close();
    presharedKey = key;
  }

  /**
   * The shared secret of both static keys; null without a private key, or if the peer's key is of
   * low order.
   */
  @Nullable SecretBytes staticStatic() {
    return staticStatic;
  }

  /** Takes over {@code shared}. */
  public void staticStatic(@Nullable SecretBytes shared) {
    if (staticStatic != null) {
      staticStatic.close();
    }
    staticStatic = shared;
  }

  public @Nullable PendingInitiation pending() {
    return pending;
  }

  void pending(@Nullable PendingInitiation initiation) {
    if (pending != null) {
      pending.close();
    }
    pending = initiation;
  }

  /** The wall time at which a session with the peer was last established. */
  public @Nullable Instant lastHandshake() {
    return lastHandshake;
  }

  void lastHandshake(Instant when) {
    lastHandshake = when;
    unanswered = false;
  }

  /** Writes this, except the public key and a pending initiation. */
  void save(StateWriter out, long nowNanos) {
    timers.save(out, nowNanos);
    out.time(nextInitiation, nowNanos)
        .int32(handshakeAttempts)
        .flag(lastMinuteHandshake)
        .flag(greeting);
    cookies.save(out, nowNanos);
    out.secret(presharedKey)
        .optional(staticStatic, out::secret)
        .optional(lastHandshake, out::instant)
        .flag(unanswered)
        .time(unansweredSince, nowNanos)
        .time(lastInitiation, nowNanos)
        .optional(lastTimestampReceived, timestamp -> out.bytes(timestamp.toBytes()))
        .optional(lastTimestampSent, timestamp -> out.bytes(timestamp.toBytes()))
        .time(nextInitiationAccepted, nowNanos);
  }

  /** Reads into a new peer. */
  void restore(StateReader in, long savedAtNanos) throws StateException {
    timers.restore(in, savedAtNanos);
    nextInitiation = in.time(savedAtNanos);
    handshakeAttempts = in.int32();
    if (handshakeAttempts < 0 || handshakeAttempts > Messages.MAX_HANDSHAKE_ATTEMPTS) {
      throw new StateException("no number of attempts");
    }
    lastMinuteHandshake = in.flag();
    greeting = in.flag();
    cookies.restore(in, savedAtNanos);
    presharedKey(in.secret(Messages.KEY_LENGTH));
    staticStatic(in.optional(() -> in.secret(Messages.KEY_LENGTH)));
    lastHandshake = in.optional(in::instant);
    unanswered = in.flag();
    unansweredSince = in.time(savedAtNanos);
    lastInitiation = in.time(savedAtNanos);
    lastTimestampReceived = in.optional(() -> Timestamps.read(in));
    lastTimestampSent = in.optional(() -> Timestamps.read(in));
    nextInitiationAccepted = in.time(savedAtNanos);
  }

  @Override
  public String toString() {
    return publicKey.toString();
  }
}
