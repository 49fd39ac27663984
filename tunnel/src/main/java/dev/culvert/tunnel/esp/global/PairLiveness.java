package dev.culvert.tunnel.esp.global;

import dev.culvert.tunnel.esp.TrafficListener;
import dev.culvert.tunnel.noise.Deadlines;
import dev.culvert.tunnel.noise.PeerTimers;
import dev.culvert.tunnel.noise.Timer;

/**
 * Finds out that a peer no longer has the keys which we send under, as WireGuard does: who receives
 * data and has nothing to send says so by a dummy packet after 10 seconds, so who sends data and
 * hears nothing authentic for 15 begins anew. What a peer that started again says may be lost or
 * kept from us; that its packets stop cannot be forged.
 */
final class PairLiveness implements TrafficListener {
  private final PeerTimers timers;

  /**
   * @param jitter added to the wait, so that not all peers of a node that died begin at once
   */
  PairLiveness(Deadlines deadlines, long jitter) {
    timers = new PeerTimers(deadlines);
    timers.jitter(jitter);
  }

  @Override
  public void sent(boolean data, long nowNanos) {
    timers.authenticatedSent(nowNanos);
    if (data) {
      timers.dataSent(nowNanos);
    } else {
      timers.passiveKeepaliveSent(nowNanos);
    }
  }

  @Override
  public void received(int spi, boolean data, long nowNanos) {
    timers.authenticatedReceived(nowNanos);
    if (data) {
      timers.dataReceived(nowNanos);
    }
  }

  /** A fresh message of the exchange came. */
  void heard(long nowNanos) {
    timers.authenticatedReceived(nowNanos);
  }

  /** Whether a dummy packet is due, to tell the peer that it is heard. */
  boolean owesSign(long nowNanos) {
    return timers.expire(Timer.PASSIVE_KEEPALIVE, nowNanos);
  }

  /** Whether it is time to doubt that the peer hears us. */
  boolean isUnheard(long nowNanos) {
    return timers.expire(Timer.NEW_HANDSHAKE, nowNanos);
  }

  /** Tells of every deadline here, after {@link Deadlines#forget}. */
  void includeAll() {
    timers.includeAll();
  }

  /** No SA stands any more. */
  void end() {
    timers.cancelAll();
  }
}
