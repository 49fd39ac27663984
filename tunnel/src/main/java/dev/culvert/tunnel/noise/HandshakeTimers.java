// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import dev.culvert.tunnel.engine.HandshakeOutcome;

/**
 * Acts on a peer's timers (WireGuard paper, sections 6.4 and 6.5). Belongs to the control thread.
 */
public final class HandshakeTimers {
  private final Handshakes handshakes;

  public HandshakeTimers(Handshakes handshakes) {
    this.handshakes = handshakes;
  }

  /** Acts on the timers that are due. */
  public void expire(HandshakePeer peer, long nowNanos, long wallNanos) {
    PeerTimers timers = peer.timers();
    when(timers, Timer.CONFIRMED, nowNanos, () -> handshakes.confirm(peer, wallNanos));
    when(timers, Timer.SESSION_END, nowNanos, () -> peer.user().endExpiredSessions(nowNanos));
    when(timers, Timer.RETRANSMIT_HANDSHAKE, nowNanos, () -> retransmit(peer, nowNanos, wallNanos));
    when(timers, Timer.PASSIVE_KEEPALIVE, nowNanos, () -> keepalive(peer, nowNanos, wallNanos));
    when(timers, Timer.NEW_HANDSHAKE, nowNanos, () -> beginAnew(peer, nowNanos, wallNanos));
    when(timers, Timer.ZERO_KEYS, nowNanos, () -> outlive(peer));
    when(
        timers,
        Timer.PERSISTENT_KEEPALIVE,
        nowNanos,
        () -> persist(peer, timers.persistentKeepalive(), nowNanos, wallNanos));
  }

  /** Runs the action of a timer that is due. If the action fails, the timer is set again. */
  private static void when(PeerTimers timers, Timer timer, long nowNanos, Runnable work) {
    if (!timers.expire(timer, nowNanos)) {
      return;
    }
    try {
      work.run();
    } catch (RuntimeException e) {
      timers.arm(timer, nowNanos + Messages.REKEY_TIMEOUT);
      throw e;
    }
  }

  private void beginAnew(HandshakePeer peer, long nowNanos, long wallNanos) {
    peer.user().forgetSource();
    handshakes.initiate(peer, false, nowNanos, wallNanos);
  }

  private void outlive(HandshakePeer peer) {
    handshakes.forgetPending(peer);
    peer.user().keysOutlived();
  }

  private void persist(HandshakePeer peer, long interval, long nowNanos, long wallNanos) {
    // A lane may have armed the timer just as the interval was set to zero.
    if (interval != 0) {
      peer.timers().arm(Timer.PERSISTENT_KEEPALIVE, nowNanos + interval);
      keepalive(peer, nowNanos, wallNanos);
    }
  }

  private void retransmit(HandshakePeer peer, long nowNanos, long wallNanos) {
    int attempts = peer.handshakeAttempts();
    if (attempts == 0 && peer.user().hasFreshSession(nowNanos)) {
      return;
    }
    if (attempts >= peer.mostAttempts()) {
      handshakes.forgetPending(peer);
      peer.resetAttempts();
      peer.timers().cancel(Timer.PASSIVE_KEEPALIVE);
      if (!peer.timers().isArmed(Timer.ZERO_KEYS)) {
        peer.timers().sessionDerived(nowNanos);
      }
      handshakes.outcomes().count(HandshakeOutcome.ABANDONED);
      peer.user().abandoned(attempts);
      return;
    }
    peer.user().forgetSource();
    handshakes.initiate(peer, true, nowNanos, wallNanos);
  }

  /** Sends a keepalive, or begins a handshake if there is no session to send it under. */
  public void keepalive(HandshakePeer peer, long nowNanos, long wallNanos) {
    if (peer.user().canSend(nowNanos)) {
      peer.user().sendKeepalive();
    } else {
      handshakes.initiate(peer, false, nowNanos, wallNanos);
    }
  }
}
