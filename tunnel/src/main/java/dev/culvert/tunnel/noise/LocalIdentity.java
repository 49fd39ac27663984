// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import dev.culvert.crypto.Blake2s;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import java.security.MessageDigest;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * This device's static key pair and the values derived from its public half. Lanes use only the
 * public half, so closing wipes nothing that they use.
 */
public final class LocalIdentity implements AutoCloseable {
  private final ProtocolLabels labels;
  private final SecretBytes privateKey;
  private final PublicKey publicKey;
  private final byte[] mac1Key;
  private final byte[] cookieKey;

  /**
   * @param from the private key, which is copied
   */
  public LocalIdentity(SecretBytes from, ProtocolLabels labels) {
    this.labels = labels;
    byte[] bytes = from.toByteArray();
    X25519.clamp(bytes);
    byte[] publicBytes = X25519.publicKey(bytes);
    privateKey = SecretBytes.owning(bytes);
    publicKey = PublicKey.of(publicBytes);
    mac1Key = mac1Key(publicBytes, labels);
    cookieKey = cookieKey(publicBytes, labels);
  }

  static byte[] mac1Key(byte[] publicKey, ProtocolLabels labels) {
    return Blake2s.hash(labels.mac1Bytes(), publicKey);
  }

  static byte[] cookieKey(byte[] publicKey, ProtocolLabels labels) {
    return Blake2s.hash(labels.cookieBytes(), publicKey);
  }

  /** The labels of the protocol that this identity speaks. */
  public ProtocolLabels labels() {
    return labels;
  }

  public SecretBytes privateKey() {
    return privateKey;
  }

  public PublicKey publicKey() {
    return publicKey;
  }

  byte[] cookieKey() {
    return cookieKey;
  }

  /** The secret shared with {@code peer}, or null if its key is of low order. */
  public @Nullable SecretBytes agree(PublicKey peer) {
    byte[] own = privateKey.toByteArray();
    byte[] shared = new byte[X25519.KEY_LENGTH];
    try {
      return X25519.agree(own, peer.toByteArray(), shared) ? SecretBytes.owning(shared) : null;
    } finally {
      SymmetricState.wipe(own);
    }
  }

  /** Whether mac1 of an initiation or response shows that its sender knows our public key. */
  public boolean mac1Matches(byte[] message) {
    int mac1 = message.length - 2 * Messages.MAC_LENGTH;
    byte[] expected = Blake2s.keyed16(mac1Key, Arrays.copyOf(message, mac1));
    byte[] actual = Arrays.copyOfRange(message, mac1, mac1 + Messages.MAC_LENGTH);
    return MessageDigest.isEqual(expected, actual);
  }

  @Override
  public void close() {
    privateKey.close();
  }
}
