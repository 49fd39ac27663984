// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Keying;
import dev.culvert.tunnel.esp.KeyingEvent;
import dev.culvert.tunnel.esp.KeyingState;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.TrafficListener;
import dev.culvert.tunnel.esp.UnclaimedSecrets;
import dev.culvert.tunnel.noise.HandshakePeer;
import dev.culvert.tunnel.noise.HandshakeUser;
import dev.culvert.tunnel.noise.PeerTimers;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.noise.SavedHandshakes;
import dev.culvert.tunnel.noise.Timer;
import dev.culvert.tunnel.noise.TransportKeys;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The handshakes with one peer and their SAs. Belongs to the control thread, except the reports of
 * lanes through {@link TrafficListener}.
 */
final class NoisePair implements HandshakeUser, TrafficListener {
  private final NoiseState state;
  private final HandshakePeer handshake;
  private final SaPairs sessions;
  private EspPeerSettings settings;

  /** The number of initiations since the peer's last authentic packet. */
  private int unanswered;

  NoisePair(PublicKey publicKey, EspPeerSettings settings, NoiseState state) {
    this.state = state;
    this.settings = settings;
    handshake = new HandshakePeer(publicKey, NoiseKeying.LABELS, state.deadlines, this);
    sessions = new SaPairs(state.indices);
  }

  HandshakePeer handshake() {
    return handshake;
  }

  EspPeerSettings settings() {
    return settings;
  }

  NoisePeerStatus status() {
    return new NoisePeerStatus(
        settings.name(),
        handshake.publicKey(),
        !handshake.presharedKey().isZero(),
        handshake.lastHandshake(),
        (int) TimeUnit.NANOSECONDS.toSeconds(handshake.timers().persistentKeepalive()));
  }

  /** Takes new settings that differ only in the traffic that passes. */
  void settings(EspPeerSettings changed) {
    settings = changed;
  }

  /**
   * Takes settings with another endpoint or other selectors; the engine has ended the peer's SAs.
   */
  void moveTo(EspPeerSettings moved) {
    settings = moved;
    restart();
  }

  /** Ends all SAs and asks for new ones. */
  void restart() {
    end();
    handshake.startAfresh();
    askForHandshake(Long.MIN_VALUE);
  }

  private void end() {
    if (sessions.current() != null) {
      state.events.add(new KeyingEvent.StopSending(settings.name()));
    }
    sessions.removeIf(pair -> true);
    handshake.timers().cancel(Timer.SESSION_END);
  }

  /** Ends everything, since the peer was removed. */
  void retire() {
    end();
    handshake.retire();
  }

  /** Asks the control thread to begin a handshake, unless one is under way. Thread-safe. */
  void askForHandshake(long nowNanos) {
    PeerTimers timers = handshake.timers();
    if (!timers.isArmed(Timer.RETRANSMIT_HANDSHAKE)) {
      timers.arm(Timer.RETRANSMIT_HANDSHAKE, Math.max(nowNanos, handshake.nextInitiation()));
    }
  }

  void wanted(long nowNanos) {
    // While there is data to send, handshakes are not given up.
    handshake.resetAttempts();
    askForHandshake(nowNanos);
  }

  void runningLow(SaKeyId key, long nowNanos) {
    SaPair current = sessions.current();
    if (current != null && current.isSendingUnder(key)) {
      current.runsLow();
      askForHandshake(nowNanos);
    }
  }

  // Another process

  void save(SavedHandshakes handshakes, StateWriter out, long nowNanos) {
    handshakes.savePeer(handshake, out, nowNanos);
    sessions.save(out, nowNanos);
    out.int32(unanswered);
  }

  /** Reads into a new pair. */
  void restore(SavedHandshakes handshakes, StateReader in, KeyingState.Context context)
      throws StateException {
    handshakes.restorePeer(handshake, in, context.savedAtNanos());
    KeyingState.Sas sas = context.peers().getOrDefault(settings.name(), KeyingState.Sas.NONE);
    sessions.restore(this, in, context, sas);
    unanswered = Math.max(0, in.int32());
    in.end();
  }

  /** Forgets all that was read; its keys are wiped by their owner. */
  void forget() {
    sessions.forget();
    handshake.retire();
  }

  /** Takes over the keys that were read. */
  void claim(UnclaimedSecrets secrets) {
    sessions.claim(secrets);
  }

  void keys(Set<SaKeyId> into) {
    sessions.keys(into);
  }

  /**
   * Goes on though another process continued this: that one may have sent under the SA that waits
   * for its confirmation, and may have derived keys from the response to our initiation.
   */
  void goOn(SavedHandshakes handshakes) {
    handshakes.replacePending(handshake);
    SaPair waiting = sessions.next();
    if (waiting != null) {
      waiting.jumpAhead(SafetyJump.PACKETS_OF_THE_FORMER);
    }
  }

  // Reports of lanes

  @Override
  public void sent(boolean data, long nowNanos) {
    PeerTimers timers = handshake.timers();
    timers.authenticatedSent(nowNanos);
    if (data) {
      timers.dataSent(nowNanos);
    } else {
      timers.passiveKeepaliveSent(nowNanos);
    }
    SaPair current = sessions.current();
    if (current != null && current.isStaleForSending(nowNanos)) {
      askForHandshake(nowNanos);
    }
  }

  @Override
  public void received(int spi, boolean data, long nowNanos) {
    PeerTimers timers = handshake.timers();
    if (state.indices.find(spi) instanceof SaPair under
        && under.pair() == this
        && !under.age().initiator()
        && !under.confirmed()) {
      under.confirm();
      timers.arm(Timer.CONFIRMED, nowNanos);
    }
    SaPair current = sessions.current();
    if (current != null
        && current.age().isStaleForReceiving(nowNanos)
        && !handshake.lastMinuteHandshake()) {
      handshake.lastMinuteHandshake(true);
      askForHandshake(nowNanos);
    }
    timers.authenticatedReceived(nowNanos);
    if (data) {
      timers.dataReceived(nowNanos);
    }
  }

  // Results of handshakes

  @Override
  public boolean isReachable() {
    return true;
  }

  /**
   * Accepts messages only from the peer's addresses, since its SAs are found by these; the UDP port
   * does not matter.
   */
  @Override
  public boolean accepts(Endpoint from) {
    return settings.isAt(from.address());
  }

  @Override
  public void send(byte[] message, @Nullable Endpoint to) {
    Endpoint at = to == null ? settings.helloTo(unanswered++) : to;
    state.messages.add(new Keying.Message(message, settings.name(), at));
  }

  @Override
  public void heard(Endpoint from, int bytes) {
    unanswered = 0;
    state.events.add(new KeyingEvent.Heard(settings.name(), from));
  }

  /** Does nothing, since the engine's lanes forget a source that the kernel refuses. */
  @Override
  public void forgetSource() {}

  @Override
  public void initiated(TransportKeys keys) {
    SaPair pair = receiveUnder(keys);
    sessions.initiated(pair);
    state.events.add(new KeyingEvent.UseOutbound(settings.name(), pair.useOutbound()));
  }

  @Override
  public void answered(TransportKeys keys) {
    sessions.answered(receiveUnder(keys));
  }

  private SaPair receiveUnder(TransportKeys keys) {
    SaPair pair =
        SaPair.of(
            this,
            keys,
            settings.agreed(),
            state.limits,
            sa -> state.events.add(new KeyingEvent.AddInbound(settings.name(), sa)));
    if (!handshake.timers().isArmed(Timer.SESSION_END)) {
      handshake.timers().arm(Timer.SESSION_END, pair.age().endNanos());
    }
    return pair;
  }

  @Override
  public boolean promoteConfirmed() {
    boolean promoted = sessions.promoteConfirmed();
    SaPair current = sessions.current();
    if (promoted && current != null) {
      state.events.add(new KeyingEvent.UseOutbound(settings.name(), current.useOutbound()));
    }
    return promoted;
  }

  /** Does nothing, since the engine sends staged packets as soon as it gets the SA. */
  @Override
  public void established(boolean initiator) {}

  @Override
  public void timestampAnswered(Instant timestamp) {
    state.notices.add(new TunnelEvent.TimestampAnswered(settings.name(), timestamp));
  }

  @Override
  public boolean canSend(long nowNanos) {
    SaPair current = sessions.current();
    return current != null && !current.age().isExpired(nowNanos);
  }

  @Override
  public boolean hasFreshSession(long nowNanos) {
    SaPair current = sessions.current();
    return canSend(nowNanos) && current != null && !current.isStaleForSending(nowNanos);
  }

  @Override
  public void sendKeepalive() {
    state.events.add(new KeyingEvent.SendDummy(settings.name()));
  }

  @Override
  public void abandoned(int attempts) {
    if (sessions.current() == null) {
      state.events.add(new KeyingEvent.StopSending(settings.name()));
    }
    state.notices.add(new TunnelEvent.HandshakeAbandoned(settings.name(), attempts));
  }

  @Override
  public void keysOutlived() {
    end();
  }

  @Override
  public void endExpiredSessions(long nowNanos) {
    SaPair before = sessions.current();
    sessions.removeIf(pair -> pair.age().isExpired(nowNanos));
    if (before != null && sessions.current() == null) {
      state.events.add(new KeyingEvent.EndOutbound(settings.name()));
    }
    SaPair oldest = sessions.oldest();
    if (oldest != null) {
      handshake.timers().arm(Timer.SESSION_END, oldest.age().endNanos());
    }
  }

  /** Called for each pair of SAs that has ended. */
  void ended(SaPair pair) {
    state.events.add(new KeyingEvent.RemoveInbound(settings.name(), pair.inboundKey()));
  }

  @Override
  public String toString() {
    return settings.name();
  }
}
