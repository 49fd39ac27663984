// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import dev.culvert.tunnel.engine.Endpoint;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The protocol that uses the handshakes with one peer: it sends their messages and takes their
 * keys. All calls are on the control thread.
 *
 * <p>Key confirmation is the user's part. The initiator may send under its keys at once; the
 * responder only once it has received an authenticated packet under them, of which it tells {@link
 * Handshakes#confirm}.
 */
public interface HandshakeUser {
  /** Whether the peer's endpoint is known. */
  boolean isReachable();

  /** Whether an authentic handshake message of the peer's may come from {@code from}. */
  boolean accepts(Endpoint from);

  /**
   * Sends a handshake message.
   *
   * @param to null for the peer's current endpoint
   */
  void send(byte[] message, @Nullable Endpoint to);

  /** An authentic and fresh handshake message of the peer's arrived. */
  void heard(Endpoint from, int bytes);

  /** The peer does not answer; the source address in use may be the reason. */
  void forgetSource();

  /** The peer answered our initiation: from now on, sends under these keys. */
  void initiated(TransportKeys keys);

  /**
   * We answer the peer's initiation: receives under these keys, and sends once they are confirmed.
   */
  void answered(TransportKeys keys);

  /**
   * Begins to send under the keys of {@link #answered}.
   *
   * @return false if they are not confirmed, or if there are none
   */
  boolean promoteConfirmed();

  /** A session is ready to send under: sends the staged packets. */
  void established(boolean initiator);

  /** The peer accepted an initiation with this timestamp. */
  void timestampAnswered(Instant timestamp);

  /** Whether there is a session that may be sent under. */
  boolean canSend(long nowNanos);

  /** Whether there is a session that needs no renewal. */
  boolean hasFreshSession(long nowNanos);

  /** Sends an authenticated packet without data. */
  void sendKeepalive();

  /** The peer answered none of {@code attempts} initiations: drops the packets staged for it. */
  void abandoned(int attempts);

  /** There was no new session for so long that all keys are wiped and staged packets dropped. */
  void keysOutlived();

  /** {@link Timer#SESSION_END} is due: ends the sessions that have expired. */
  void endExpiredSessions(long nowNanos);
}
