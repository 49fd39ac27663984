package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.Blake2s;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import java.security.MessageDigest;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * This device's static key pair and what follows from its public half. Lanes use only the latter,
 * so closing wipes nothing under their hands.
 */
final class LocalIdentity implements AutoCloseable {
  private final SecretBytes privateKey;
  private final PublicKey publicKey;
  private final byte[] mac1Key;
  private final byte[] cookieKey;

  LocalIdentity(SecretBytes from) {
    byte[] bytes = from.toByteArray();
    X25519.clamp(bytes);
    byte[] publicBytes = X25519.publicKey(bytes);
    privateKey = SecretBytes.owning(bytes);
    publicKey = PublicKey.of(publicBytes);
    mac1Key = mac1Key(publicBytes);
    cookieKey = cookieKey(publicBytes);
  }

  static byte[] mac1Key(byte[] publicKey) {
    return Blake2s.hash(Messages.LABEL_MAC1, publicKey);
  }

  static byte[] cookieKey(byte[] publicKey) {
    return Blake2s.hash(Messages.LABEL_COOKIE, publicKey);
  }

  SecretBytes privateKey() {
    return privateKey;
  }

  PublicKey publicKey() {
    return publicKey;
  }

  byte[] cookieKey() {
    return cookieKey;
  }

  /** The secret shared with {@code peer}, or null where its key is of low order. */
  @Nullable SecretBytes agree(PublicKey peer) {
    byte[] own = privateKey.toByteArray();
    byte[] shared = new byte[X25519.KEY_LENGTH];
    boolean agreed = X25519.agree(own, peer.toByteArray(), shared);
    SymmetricState.wipe(own);
    return agreed ? SecretBytes.owning(shared) : null;
  }

  /** Whether mac1 of an initiation or response shows that its sender knows our public key. */
  boolean mac1Matches(byte[] message) {
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
