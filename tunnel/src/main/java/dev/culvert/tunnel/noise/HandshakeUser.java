package dev.culvert.tunnel.noise;

import dev.culvert.tunnel.engine.Endpoint;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The protocol that the handshakes with one peer are for: how its messages travel, and what becomes
 * of the keys. All on the control thread.
 *
 * <p>Key confirmation is the user's part. The initiator may send under its keys at once; the
 * responder only once it has received an authenticated packet under them, of which it tells {@link
 * Handshakes#confirm}.
 */
public interface HandshakeUser {
  /** Whether it is known where the peer is. */
  boolean isReachable();

  /** Whether a handshake message of the peer's, which is authentic, may come from there. */
  boolean accepts(Endpoint from);

  /**
   * Sends a handshake message.
   *
   * @param to null for where the peer is now
   */
  void send(byte[] message, @Nullable Endpoint to);

  /** A handshake message of the peer's came, authentic and fresh. */
  void heard(Endpoint from, int bytes);

  /** What we sent is not answered: the source address in use may be why. */
  void forgetSource();

  /** The peer answered our initiation: send under these keys from now on. */
  void initiated(TransportKeys keys);

  /** We answer the peer's initiation: receive under these keys, send once they are confirmed. */
  void answered(TransportKeys keys);

  /**
   * Begins to send under the keys of {@link #answered}.
   *
   * @return false where they are not confirmed, or there are none
   */
  boolean promoteConfirmed();

  /** A session can be sent under: now is the time for what was staged. */
  void established(boolean initiator);

  /** The peer accepted an initiation with this timestamp. */
  void timestampAnswered(Instant timestamp);

  /** Whether there is a session to send under. */
  boolean canSend(long nowNanos);

  /** Whether there is one that needs no renewal. */
  boolean hasFreshSession(long nowNanos);

  /** Sends an authenticated packet without data. */
  void sendKeepalive();

  /** No response to any of so many initiations: what is staged for the peer is to be dropped. */
  void abandoned(int attempts);

  /** No new session for so long that all keys are to be wiped and what is staged dropped. */
  void keysOutlived();

  /** {@link Timer#SESSION_END} was due. */
  void endExpiredSessions(long nowNanos);
}
