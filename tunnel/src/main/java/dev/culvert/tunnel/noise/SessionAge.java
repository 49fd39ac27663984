// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

/**
 * The age of a session and the limits that depend on it (WireGuard paper, section 6.2).
 *
 * @param initiator whether this end began the handshake and so has to renew it
 * @param createdNanos the time at which the handshake ended here, in nanoseconds
 */
public record SessionAge(boolean initiator, long createdNanos) {
  public long nanos(long nowNanos) {
    return nowNanos - createdNanos;
  }

  /** Whether the session may no longer be used. */
  public boolean isExpired(long nowNanos) {
    return nanos(nowNanos) >= Messages.REJECT_AFTER_TIME;
  }

  /** The time at which the session expires, in nanoseconds. */
  public long endNanos() {
    return createdNanos + Messages.REJECT_AFTER_TIME;
  }

  /** Whether this end should renew the session when it sends. */
  public boolean isStaleForSending(long nowNanos) {
    return initiator && nanos(nowNanos) >= Messages.REKEY_AFTER_TIME;
  }

  /** Whether this end must renew the session when it receives, before the other end refuses it. */
  public boolean isStaleForReceiving(long nowNanos) {
    return initiator && nanos(nowNanos) >= Messages.LAST_MINUTE_REKEY_TIME;
  }
}
