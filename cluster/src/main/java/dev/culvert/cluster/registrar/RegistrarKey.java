// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;

/**
 * The key pair to which nodes prove the change of their keys. It is made when the registrar starts
 * and is nowhere but in its memory, so there is no Secret to read or to steal. The public key is
 * published with the registrar's Lease, under {@link #ANNOTATION}: only a registrar may write that
 * Lease, it changes hands with the leadership, and a daemon reads it when it changes its key. A
 * forged public key gains nothing: the MAC is bound to it, and the registrar refuses it.
 */
public final class RegistrarKey implements AutoCloseable {
  /** Of the Lease: the leader's public key, in base64. */
  public static final String ANNOTATION = "culvert.dev/registrar-key";

  private final SecretBytes privateKey;
  private final byte[] publicKey;

  private RegistrarKey(byte[] privateKey) {
    this.privateKey = SecretBytes.owning(privateKey);
    publicKey = X25519.publicKey(privateKey);
  }

  public static RegistrarKey generate(SecureRandom random) {
    return new RegistrarKey(X25519.generatePrivateKey(random));
  }

  /**
   * A known key pair.
   *
   * @param privateKey taken over
   */
  static RegistrarKey of(byte[] privateKey) {
    return new RegistrarKey(privateKey);
  }

  public String publicKey() {
    return Base64.getEncoder().encodeToString(publicKey);
  }

  KeyChangeProof.Verdict verify(KeyChangeProof.Change change, CulvertNode.Proof proof) {
    byte[] key = privateKey.toByteArray();
    try {
      return KeyChangeProof.verify(key, publicKey, change, proof);
    } finally {
      Arrays.fill(key, (byte) 0);
    }
  }

  @Override
  public String toString() {
    return "RegistrarKey[" + publicKey() + "]";
  }

  @Override
  public void close() {
    privateKey.close();
  }
}
