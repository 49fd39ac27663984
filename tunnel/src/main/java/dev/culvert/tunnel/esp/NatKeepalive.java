package dev.culvert.tunnel.esp;

/**
 * When a peer is due a packet that keeps the mapping of a NAT between us alive (RFC 3948 section
 * 4): once nothing was sent to it for the interval. Lanes tell what they send, the control thread
 * asks.
 */
final class NatKeepalive implements TrafficListener {
  static final long NEVER = Long.MAX_VALUE;

  private final TrafficListener keying;
  private final long interval;
  private volatile long lastSent;

  /**
   * @param keying is told of all traffic as well
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

  @Override
  public void sent(boolean data, long nowNanos) {
    messageSent(nowNanos);
    keying.sent(data, nowNanos);
  }

  @Override
  public void received(int spi, boolean data, long nowNanos) {
    keying.received(spi, data, nowNanos);
  }

  /** Something that is no packet of an SA was sent. */
  void messageSent(long nowNanos) {
    if (interval != 0) {
      lastSent = nowNanos;
    }
  }

  /** It only ever moves on. */
  long dueAt() {
    return interval == 0 ? NEVER : lastSent + interval;
  }
}
