package dev.culvert.tunnel.noise;

/**
 * Does what a peer's timers are for (WireGuard paper, sections 6.4 and 6.5). Belongs to the control
 * thread.
 */
public final class HandshakeTimers {
  private final Handshakes handshakes;

  public HandshakeTimers(Handshakes handshakes) {
    this.handshakes = handshakes;
  }

  /** Runs what is due. */
  public void expire(HandshakePeer peer, long nowNanos, long wallNanos) {
    PeerTimers timers = peer.timers();
    if (timers.expire(Timer.CONFIRMED, nowNanos)) {
      handshakes.confirm(peer, wallNanos);
    }
    if (timers.expire(Timer.SESSION_END, nowNanos)) {
      peer.user().endExpiredSessions(nowNanos);
    }
    if (timers.expire(Timer.RETRANSMIT_HANDSHAKE, nowNanos)) {
      retransmit(peer, nowNanos, wallNanos);
    }
    if (timers.expire(Timer.PASSIVE_KEEPALIVE, nowNanos)) {
      keepalive(peer, nowNanos, wallNanos);
    }
    if (timers.expire(Timer.NEW_HANDSHAKE, nowNanos)) {
      peer.user().forgetSource();
      handshakes.initiate(peer, false, nowNanos, wallNanos);
    }
    if (timers.expire(Timer.ZERO_KEYS, nowNanos)) {
      handshakes.forgetPending(peer);
      peer.user().keysOutlived();
    }
    long interval = timers.persistentKeepalive();
    // A lane may have armed the timer just as the interval was set to zero.
    if (timers.expire(Timer.PERSISTENT_KEEPALIVE, nowNanos) && interval != 0) {
      timers.arm(Timer.PERSISTENT_KEEPALIVE, nowNanos + interval);
      keepalive(peer, nowNanos, wallNanos);
    }
  }

  private void retransmit(HandshakePeer peer, long nowNanos, long wallNanos) {
    int attempts = peer.handshakeAttempts();
    if (attempts == 0 && peer.user().hasFreshSession(nowNanos)) {
      return;
    }
    if (attempts >= Messages.MAX_HANDSHAKE_ATTEMPTS) {
      handshakes.forgetPending(peer);
      peer.handshakeAttempts(0);
      peer.timers().cancel(Timer.PASSIVE_KEEPALIVE);
      if (!peer.timers().isArmed(Timer.ZERO_KEYS)) {
        peer.timers().sessionDerived(nowNanos);
      }
      peer.user().abandoned(attempts);
      return;
    }
    peer.user().forgetSource();
    handshakes.initiate(peer, true, nowNanos, wallNanos);
  }

  /** Sends a keepalive, or begins a handshake where there is nothing to send it under. */
  public void keepalive(HandshakePeer peer, long nowNanos, long wallNanos) {
    if (peer.user().canSend(nowNanos)) {
      peer.user().sendKeepalive();
    } else {
      handshakes.initiate(peer, false, nowNanos, wallNanos);
    }
  }
}
