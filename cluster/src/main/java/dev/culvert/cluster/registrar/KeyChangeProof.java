// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.crypto.Blake2s;
import dev.culvert.crypto.Kdf;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * The proof that the owner of a node's accepted key approves the key that replaces it.
 *
 * <p>The owner makes a MAC that only it and the leading registrar can make:
 *
 * <pre>
 * secret = X25519(old private key, registrar's public key)
 * key    = KDF_1(BLAKE2s(label), secret)
 * mac    = HMAC-BLAKE2s(key, registrar's public key, old key, new key, node's uid, node's name)
 * value  = base64(registrar's public key || mac)
 * </pre>
 *
 * <p>Each field of the MAC follows its length in two bytes. A node that gives up its key proves an
 * empty new key. The registrar's key pair lives in the memory of the leader alone ({@link
 * RegistrarKey}): a proof from before a change of leader is {@link Verdict#OUTDATED} and has to be
 * made again, and cannot be used later.
 */
public final class KeyChangeProof {
  /** {@link CulvertNode.Proof#kind()} of these proofs. */
  public static final String KIND = "mac";

  private static final byte[] LABEL =
      Blake2s.hash("culvert node key change v1".getBytes(StandardCharsets.US_ASCII));
  private static final byte[] NONE = {};

  private KeyChangeProof() {}

  /**
   * A change of a key.
   *
   * @param nodeUid of the Node
   * @param newKey base64; null if the node gives up its key
   */
  public record Change(String node, String nodeUid, String oldKey, @Nullable String newKey) {}

  /** A registrar's verdict on a proof. */
  public enum Verdict {
    PROVEN,
    /** Made for the key of a registrar that no longer leads. */
    OUTDATED,
    INVALID
  }

  /**
   * Proves a change to the registrar.
   *
   * @param oldPrivate the private key of {@link Change#oldKey}
   * @param registrarPublic the leader's public key, from its Lease
   * @throws IllegalArgumentException if a key of the change, or the registrar's, is not one
   */
  public static CulvertNode.Proof make(
      SecretBytes oldPrivate, String registrarPublic, Change change) {
    byte[] registrar = require(registrarPublic, "the registrar's public key");
    byte[] oldKey = require(change.oldKey(), "the old key");
    byte[] newKey = change.newKey() == null ? NONE : require(change.newKey(), "the new key");
    byte[] privateKey = oldPrivate.toByteArray();
    byte[] mac;
    try {
      if (!Arrays.equals(X25519.publicKey(privateKey), oldKey)) {
        throw new IllegalArgumentException("the private key does not belong to the old key");
      }
      mac = mac(privateKey, registrar, registrar, oldKey, newKey, change);
    } finally {
      Arrays.fill(privateKey, (byte) 0);
    }
    byte[] value =
        ByteBuffer.allocate(registrar.length + mac.length).put(registrar).put(mac).array();
    return new CulvertNode.Proof(KIND, Base64.getEncoder().encodeToString(value));
  }

  /**
   * Verifies a proof, in a time that does not depend on how much of the MAC is right.
   *
   * @param registrarPrivate for the caller to wipe
   */
  static Verdict verify(
      byte[] registrarPrivate, byte[] registrarPublic, Change change, CulvertNode.Proof proof) {
    byte[] oldKey = PublicKey.parse(change.oldKey());
    byte[] newKey = change.newKey() == null ? NONE : PublicKey.parse(change.newKey());
    byte[] value = decode(proof);
    if (oldKey == null || newKey == null || value == null) {
      return Verdict.INVALID;
    }
    byte[] madeFor = Arrays.copyOf(value, X25519.KEY_LENGTH);
    if (!Arrays.equals(madeFor, registrarPublic)) {
      return Verdict.OUTDATED;
    }
    byte[] mac = mac(registrarPrivate, oldKey, registrarPublic, oldKey, newKey, change);
    byte[] given = Arrays.copyOfRange(value, X25519.KEY_LENGTH, value.length);
    return MessageDigest.isEqual(mac, given) ? Verdict.PROVEN : Verdict.INVALID;
  }

  private static byte @Nullable [] decode(CulvertNode.Proof proof) {
    if (!KIND.equals(proof.kind()) || proof.value() == null) {
      return null;
    }
    try {
      byte[] value = Base64.getDecoder().decode(proof.value());
      return value.length == X25519.KEY_LENGTH + Blake2s.HASH_LENGTH ? value : null;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private static byte[] mac(
      byte[] ownPrivate,
      byte[] otherPublic,
      byte[] registrar,
      byte[] oldKey,
      byte[] newKey,
      Change change) {
    byte[] secret = new byte[X25519.KEY_LENGTH];
    byte[] key = null;
    try {
      if (!X25519.agree(ownPrivate, otherPublic, secret)) {
        throw new IllegalArgumentException("a public key of low order");
      }
      key = Kdf.derive(1, LABEL, secret)[0];
      return Blake2s.hmac(
          key,
          field(registrar),
          field(oldKey),
          field(newKey),
          field(change.nodeUid().getBytes(StandardCharsets.UTF_8)),
          field(change.node().getBytes(StandardCharsets.UTF_8)));
    } finally {
      Arrays.fill(secret, (byte) 0);
      if (key != null) {
        Arrays.fill(key, (byte) 0);
      }
    }
  }

  private static byte[] field(byte[] value) {
    return ByteBuffer.allocate(Short.BYTES + value.length)
        .putShort((short) value.length)
        .put(value)
        .array();
  }

  private static byte[] require(String base64, String name) {
    byte[] key = PublicKey.parse(base64);
    if (key == null) {
      throw new IllegalArgumentException(name + " is not a public key: " + base64);
    }
    return key;
  }
}
