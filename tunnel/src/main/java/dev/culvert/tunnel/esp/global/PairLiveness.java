// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.esp.TrafficListener;
import dev.culvert.tunnel.noise.Deadlines;
import dev.culvert.tunnel.noise.PeerTimers;
import dev.culvert.tunnel.noise.Timer;

/**
 * Detects that a peer no longer has the keys that we send under, as WireGuard does: an end that
 * receives data and has nothing to send answers with a dummy packet after 10 seconds, so an end
 * that sends data and receives no authentic packet for 15 seconds begins anew. The messages of a
 * restarted peer may be lost or suppressed, but an attacker cannot forge its packets.
 */
final class PairLiveness implements TrafficListener {
  private final PeerTimers timers;

  /**
   * @param jitter nanoseconds added to the wait, so that not all peers of a dead node begin at once
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

  /** Reports a fresh message of the exchange. */
  void heard(long nowNanos) {
    timers.authenticatedReceived(nowNanos);
  }

  /** Whether a dummy packet is due, to show the peer that we receive its packets. */
  boolean owesSign(long nowNanos) {
    return timers.expire(Timer.PASSIVE_KEEPALIVE, nowNanos);
  }

  /** Whether the peer should have answered by now, so that it may not receive our packets. */
  boolean isUnheard(long nowNanos) {
    return timers.expire(Timer.NEW_HANDSHAKE, nowNanos);
  }

  /** Includes the deadline in {@link Deadlines}, after {@link Deadlines#look}. */
  void includeAll() {
    timers.includeAll();
  }

  void save(StateWriter out, long nowNanos) {
    timers.save(out, nowNanos);
  }

  /** Reads the timers of another process, for {@link #adopt}. */
  static PeerTimers read(StateReader in, long savedAtNanos) throws StateException {
    PeerTimers timers = new PeerTimers(new Deadlines());
    timers.restore(in, savedAtNanos);
    return timers;
  }

  void adopt(PeerTimers read) {
    timers.adopt(read);
  }

  /** Stops, since no SA is left. */
  void end() {
    timers.cancelAll();
  }
}
