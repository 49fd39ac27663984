// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.Tai64n;
import dev.culvert.tunnel.engine.HandshakeOutcome;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes the state of {@link Handshakes} for the process that continues them, and reads it there.
 * Peers come first, then the rest, so that a reader that fails has changed nothing but new peers:
 *
 * <ol>
 *   <li>{@link IndexTable#save}, {@link IndexTable#restore(StateReader)};
 *   <li>each {@linkplain #savePeer peer}, after its public key, by which its reader makes it anew;
 *   <li>{@link #save}, {@link #restore}.
 * </ol>
 *
 * <p>An initiation that waits for its response is handed over too: only one process receives, so no
 * two ever derive keys from one response.
 */
public final class SavedHandshakes {
  private final Handshakes handshakes;

  public SavedHandshakes(Handshakes handshakes) {
    this.handshakes = handshakes;
  }

  /** Writes all that belongs to no peer. */
  public void save(StateWriter out, long nowNanos) {
    handshakes.outcomes().save(out);
    handshakes.timestamps().save(out);
    handshakes.rateLimiter().save(out, nowNanos);
    handshakes.cookieChecker().save(out, nowNanos);
  }

  /**
   * Reads all that belongs to no peer, or nothing of it.
   *
   * @throws StateException if it cannot be read; nothing was changed
   */
  public void restore(StateReader in, long savedAtNanos) throws StateException {
    Map<HandshakeOutcome, Long> outcomes = handshakes.outcomes().read(in);
    Tai64n latest = in.optional(() -> Timestamps.read(in));
    RateLimiter limiter = RateLimiter.read(in, savedAtNanos);
    try (CookieChecker.@Nullable Saved secret =
        in.optional(() -> CookieChecker.read(in, savedAtNanos))) {
      handshakes.outcomes().add(outcomes);
      handshakes.timestamps().atLeast(latest);
      handshakes.rateLimiter().adopt(limiter);
      if (secret != null) {
        handshakes.cookieChecker().adopt(secret);
      }
    }
  }

  /** Writes a peer's handshakes, without its public key. */
  public void savePeer(HandshakePeer peer, StateWriter out, long nowNanos) {
    peer.save(out, nowNanos);
    out.optional(peer.pending(), pending -> savePending(pending, out));
  }

  private static void savePending(PendingInitiation pending, StateWriter out) {
    out.int32(pending.localIndex())
        .secret(pending.ephemeral())
        .bytes(pending.timestamp().toBytes());
    pending.noise().save(out);
  }

  /**
   * Reads into a new peer.
   *
   * @throws StateException if it cannot be read; the caller then forgets the peer's pending
   *     initiation and retires the peer, which wipes all secrets
   */
  public void restorePeer(HandshakePeer peer, StateReader in, long savedAtNanos)
      throws StateException {
    peer.restore(in, savedAtNanos);
    PendingInitiation pending = in.optional(() -> readPending(peer, in));
    if (pending != null) {
      peer.pending(pending);
      handshakes.indices().restore(pending);
    }
  }

  private PendingInitiation readPending(HandshakePeer peer, StateReader in) throws StateException {
    int index = in.int32();
    SecretBytes ephemeral = in.secret(Messages.KEY_LENGTH);
    try {
      Tai64n timestamp = Timestamps.read(in);
      NoiseHandshake noise = NoiseHandshake.restore(handshakes.aead(), in);
      return new PendingInitiation(peer, index, noise, ephemeral, timestamp);
    } catch (StateException e) {
      ephemeral.close();
      throw e;
    }
  }

  /**
   * Replaces an initiation that waits for its response, in a process that gave its state away and
   * goes on: the other process may have derived keys from the response, and both would count from
   * zero. The next initiation leaves at once.
   */
  public void replacePending(HandshakePeer peer) {
    if (peer.pending() != null) {
      handshakes.forgetPending(peer);
      peer.nextInitiation(Long.MIN_VALUE);
      peer.timers().arm(Timer.RETRANSMIT_HANDSHAKE, Long.MIN_VALUE);
    }
  }
}
