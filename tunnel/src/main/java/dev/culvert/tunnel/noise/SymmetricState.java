// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.Blake2s;
import dev.culvert.crypto.Kdf;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Noise's SymmetricState (revision 34, section 5.2) with ChaCha20-Poly1305 and BLAKE2s: the
 * chaining key, the handshake hash and the message key of the last {@code mixKey}. In IKpsk2 every
 * message key is used for exactly one message, so the nonce is always zero.
 */
final class SymmetricState implements AutoCloseable {
  private static final byte[] NONCE_ZERO = new byte[12];
  private static final byte[] EMPTY = {};

  private final AeadBackend aead;
  private final byte[] chainingKey;
  private final byte[] hash;
  private final byte[] key = new byte[Messages.KEY_LENGTH];
  private boolean keyUnused;

  SymmetricState(AeadBackend aead, byte[] protocolName) {
    this.aead = aead;
    hash = Blake2s.hash(protocolName);
    chainingKey = hash.clone();
  }

  private SymmetricState(SymmetricState of) {
    aead = of.aead;
    hash = of.hash.clone();
    chainingKey = of.chainingKey.clone();
  }

  private SymmetricState(AeadBackend aead, byte[] chainingKey, byte[] hash) {
    this.aead = aead;
    this.chainingKey = chainingKey;
    this.hash = hash;
  }

  /**
   * A copy to try a message on: a forged message must not spoil the state that waits for the true
   * one.
   */
  SymmetricState copy() {
    return new SymmetricState(this);
  }

  /** Writes this between two messages. */
  void save(StateWriter out) {
    if (keyUnused) {
      throw new IllegalStateException("in the midst of a handshake message");
    }
    out.secret(SecretBytes.owning(chainingKey)).secret(SecretBytes.owning(hash));
  }

  static SymmetricState restore(AeadBackend aead, StateReader in) throws StateException {
    try (SecretBytes chainingKey = in.secret(Messages.KEY_LENGTH);
        SecretBytes hash = in.secret(Messages.KEY_LENGTH)) {
      return new SymmetricState(aead, chainingKey.toByteArray(), hash.toByteArray());
    }
  }

  void mixHash(byte[] data) {
    adopt(hash, Blake2s.hash(hash, data));
  }

  void mixChainingKey(byte[] input) {
    adopt(chainingKey, Kdf.derive(1, chainingKey, input)[0]);
  }

  void mixKey(byte[] input) {
    byte[][] derived = Kdf.derive(2, chainingKey, input);
    adopt(chainingKey, derived[0]);
    adoptKey(derived[1]);
  }

  void mixKeyAndHash(byte[] input) {
    byte[][] derived = Kdf.derive(3, chainingKey, input);
    adopt(chainingKey, derived[0]);
    mixHash(derived[1]);
    adoptKey(derived[2]);
    wipe(derived[1]);
  }

  byte[] encryptAndHash(byte[] plaintext) {
    spendKey();
    byte[] sealed = aead.seal(AeadAlgorithm.CHACHA20_POLY1305, key, NONCE_ZERO, hash, plaintext);
    mixHash(sealed);
    return sealed;
  }

  /** The plaintext, or null if the tag is wrong. */
  byte @Nullable [] decryptAndHash(byte[] sealed) {
    spendKey();
    byte[] plaintext = aead.open(AeadAlgorithm.CHACHA20_POLY1305, key, NONCE_ZERO, hash, sealed);
    if (plaintext != null) {
      mixHash(sealed);
    }
    return plaintext;
  }

  /** Noise's Split: the initiator's sending key, then the responder's, for the caller to wipe. */
  byte[][] split() {
    return Kdf.derive(2, chainingKey, EMPTY);
  }

  byte[] handshakeHash() {
    return hash.clone();
  }

  @Override
  public void close() {
    wipe(chainingKey);
    wipe(hash);
    wipe(key);
  }

  private void adoptKey(byte[] derived) {
    adopt(key, derived);
    keyUnused = true;
  }

  private void spendKey() {
    if (!keyUnused) {
      throw new IllegalStateException("a handshake key seals one message");
    }
    keyUnused = false;
  }

  private static void adopt(byte[] field, byte[] value) {
    System.arraycopy(value, 0, field, 0, field.length);
    wipe(value);
  }

  static void wipe(byte[] secret) {
    Arrays.fill(secret, (byte) 0);
  }
}
