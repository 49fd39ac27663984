// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

/**
 * Determines when a peer is due a packet that keeps a NAT's mapping alive (RFC 3948 section 4):
 * after an interval without packets to it. Lanes report packets that they send, and the control
 * thread queries.
 */
final class NatKeepalive implements TrafficListener {
  static final long NEVER = Long.MAX_VALUE;

  /** Replaced only while no lane runs. */
  private TrafficListener keying;

  private final long interval;
  private volatile long lastSent;

  /**
   * @param keying the listener to which all reports are passed on
   * @param interval nanoseconds, 0 for never
   */
  NatKeepalive(TrafficListener keying, long interval, long nowNanos) {
    this.keying = keying;
    this.interval = interval;
    lastSent = nowNanos;
  }

  TrafficListener keying() {
    return keying;
  }

  /** Passes all reports on to another listener from now on; while no lane runs. */
  void keying(TrafficListener other) {
    keying = other;
  }

  /** The time of the last packet to the peer. */
  long lastSent() {
    return lastSent;
  }

  @Override
  public void sent(boolean data, long nowNanos) {
    messageSent(nowNanos);
    keying.sent(data, nowNanos);
  }

  @Override
  public void received(int spi, boolean data, long nowNanos) {
    keying.received(spi, data, nowNanos);
  }

  /** Reports a sent message that is not a packet of an SA. */
  void messageSent(long nowNanos) {
    if (interval != 0) {
      lastSent = nowNanos;
    }
  }

  /** The time at which a keepalive is due, in nanoseconds; it never decreases. */
  long dueAt() {
    return interval == 0 ? NEVER : lastSent + interval;
  }
}
