package dev.culvert.tunnel.noise;

/**
 * How old a session is, and what follows from that (WireGuard paper, section 6.2).
 *
 * @param initiator whether this end began the handshake: then it is for this end to renew it
 * @param createdNanos when the handshake ended here
 */
public record SessionAge(boolean initiator, long createdNanos) {
  public long nanos(long nowNanos) {
    return nowNanos - createdNanos;
  }

  /** Whether nothing may be sent or received any more. */
  public boolean isExpired(long nowNanos) {
    return nanos(nowNanos) >= Messages.REJECT_AFTER_TIME;
  }

  /** When that begins. */
  public long endNanos() {
    return createdNanos + Messages.REJECT_AFTER_TIME;
  }

  /** Whether this end, about to send, should renew it. */
  public boolean isStaleForSending(long nowNanos) {
    return initiator && nanos(nowNanos) >= Messages.REKEY_AFTER_TIME;
  }

  /** Whether this end, having received, must renew it now lest the other run into its refusal. */
  public boolean isStaleForReceiving(long nowNanos) {
    return initiator && nanos(nowNanos) >= Messages.LAST_MINUTE_REKEY_TIME;
  }
}
