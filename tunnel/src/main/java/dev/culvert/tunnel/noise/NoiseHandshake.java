// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.X25519;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One run of Noise_IKpsk2 (revision 34; WireGuard paper, sections 5.4.2 and 5.4.3), either role:
 *
 * <pre>
 *   &lt;- s
 *   -&gt; e, es, s, ss, {payload}
 *   &lt;- e, ee, se, psk, {payload}
 * </pre>
 *
 * A false or null result means that the message does not verify, or that a Diffie-Hellman result
 * was zero; only {@link #close} may be called then. Byte arrays that hold private keys stay the
 * caller's to wipe.
 */
public final class NoiseHandshake implements AutoCloseable {
  private final SymmetricState state;

  public NoiseHandshake(AeadBackend aead, byte[] prologue, byte[] responderStatic) {
    state = new SymmetricState(aead, Messages.CONSTRUCTION);
    state.mixHash(prologue);
    // <- s
    state.mixHash(responderStatic);
  }

  private NoiseHandshake(SymmetricState state) {
    this.state = state;
  }

  /** Writes the state of an initiator that waits for the response. */
  void save(StateWriter out) {
    state.save(out);
  }

  static NoiseHandshake restore(AeadBackend aead, StateReader in) throws StateException {
    return new NoiseHandshake(SymmetricState.restore(aead, in));
  }

  /** A copy to try a message on, so that a forged message does not spoil the state. */
  public NoiseHandshake copy() {
    return new NoiseHandshake(state.copy());
  }

  /**
   * {@code -> e, es, s, ss, {payload}}.
   *
   * @param staticStatic the shared secret of both static keys
   * @return false if the responder's key is of low order
   */
  public boolean writeInitiation(
      byte[] ephemeral,
      byte[] ephemeralPublic,
      byte[] staticPublic,
      byte[] responderStatic,
      byte[] staticStatic,
      byte[] payload,
      ByteBuffer out) {
    // e
    state.mixHash(ephemeralPublic);
    state.mixChainingKey(ephemeralPublic);
    out.put(ephemeralPublic);
    // es
    if (!mixAgreement(ephemeral, responderStatic)) {
      return false;
    }
    // s
    out.put(state.encryptAndHash(staticPublic));
    // ss
    state.mixKey(staticStatic);
    // {payload}
    out.put(state.encryptAndHash(payload));
    return true;
  }

  /** {@code -> e, es, s}: the initiator's static key. */
  public byte @Nullable [] readInitiatorStatic(
      byte[] responderPrivate, byte[] ephemeral, byte[] sealed) {
    // e
    state.mixHash(ephemeral);
    state.mixChainingKey(ephemeral);
    // es
    if (!mixAgreement(responderPrivate, ephemeral)) {
      return null;
    }
    // s
    return state.decryptAndHash(sealed);
  }

  /** {@code ss, {payload}}: the payload. */
  public byte @Nullable [] readInitiationPayload(byte[] staticStatic, byte[] sealed) {
    // ss
    state.mixKey(staticStatic);
    // {payload}
    return state.decryptAndHash(sealed);
  }

  /** {@code <- e, ee, se, psk, {payload}}. */
  public boolean writeResponse(
      byte[] ephemeral,
      byte[] ephemeralPublic,
      byte[] initiatorEphemeral,
      byte[] initiatorStatic,
      byte[] presharedKey,
      byte[] payload,
      ByteBuffer out) {
    // e
    state.mixHash(ephemeralPublic);
    state.mixChainingKey(ephemeralPublic);
    out.put(ephemeralPublic);
    // ee, se
    if (!mixChainingAgreement(ephemeral, initiatorEphemeral)
        || !mixChainingAgreement(ephemeral, initiatorStatic)) {
      return false;
    }
    // psk
    state.mixKeyAndHash(presharedKey);
    // {payload}
    out.put(state.encryptAndHash(payload));
    return true;
  }

  /** {@code <- e, ee, se, psk, {payload}}: the payload. */
  public byte @Nullable [] readResponse(
      byte[] ephemeral,
      byte[] staticPrivate,
      byte[] responderEphemeral,
      byte[] presharedKey,
      byte[] sealed) {
    // e
    state.mixHash(responderEphemeral);
    state.mixChainingKey(responderEphemeral);
    // ee, se
    if (!mixChainingAgreement(ephemeral, responderEphemeral)
        || !mixChainingAgreement(staticPrivate, responderEphemeral)) {
      return null;
    }
    // psk
    state.mixKeyAndHash(presharedKey);
    // {payload}
    return state.decryptAndHash(sealed);
  }

  /** The initiator's sending key, then the responder's, for the caller to wipe. */
  public byte[][] split() {
    return state.split();
  }

  public byte[] handshakeHash() {
    return state.handshakeHash();
  }

  @Override
  public void close() {
    state.close();
  }

  private boolean mixAgreement(byte[] privateKey, byte[] publicKey) {
    byte[] shared = new byte[X25519.KEY_LENGTH];
    try {
      boolean agreed = X25519.agree(privateKey, publicKey, shared);
      if (agreed) {
        state.mixKey(shared);
      }
      return agreed;
    } finally {
      SymmetricState.wipe(shared);
    }
  }

  /**
   * Mixes an agreement into the chaining key only, for tokens whose message key would not be used.
   */
  private boolean mixChainingAgreement(byte[] privateKey, byte[] publicKey) {
    byte[] shared = new byte[X25519.KEY_LENGTH];
    try {
      boolean agreed = X25519.agree(privateKey, publicKey, shared);
      if (agreed) {
        state.mixChainingKey(shared);
      }
      return agreed;
    } finally {
      SymmetricState.wipe(shared);
    }
  }
}
