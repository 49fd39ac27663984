// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.esp.KeyingState;
import dev.culvert.tunnel.esp.UnclaimedSecrets;
import java.security.MessageDigest;
import java.util.Arrays;

/**
 * One line of the key file: a secret that all nodes share. Nothing is sealed under it; keys in use
 * are derived.
 */
public final class GlobalKey implements AutoCloseable {
  /** Bytes of salt behind the AES key (RFC 4106 section 8.1). */
  static final int SALT_LENGTH = 4;

  private final int id;
  private final SecretBytes material;

  /**
   * Takes over {@code material}.
   *
   * @param id 1 to 15
   * @param material an AES key of 16 or 32 bytes and 4 bytes of salt
   */
  GlobalKey(int id, SecretBytes material) {
    if (!KeyIds.isValid(id) || !isKeyLength(material.length())) {
      throw new IllegalArgumentException("key " + id + " of " + material.length() + " bytes");
    }
    this.id = id;
    this.material = material;
  }

  static boolean isKeyLength(int bytes) {
    return bytes == 16 + SALT_LENGTH || bytes == 32 + SALT_LENGTH;
  }

  /** 1 to 15; also the SPI of SAs derived from it. */
  public int id() {
    return id;
  }

  /** Bytes of the AES key: 16 or 32. */
  public int aesKeyLength() {
    return material.length() - SALT_LENGTH;
  }

  public SecretBytes material() {
    return material;
  }

  /**
   * Whether the AES keys are the same. Salts are not compared, since another salt does not make a
   * new key.
   */
  boolean hasSameKeyAs(GlobalKey other) {
    byte[] mine = material.toByteArray();
    byte[] theirs = other.material.toByteArray();
    try {
      return mine.length == theirs.length
          && MessageDigest.isEqual(
              Arrays.copyOf(mine, aesKeyLength()), Arrays.copyOf(theirs, aesKeyLength()));
    } finally {
      Arrays.fill(mine, (byte) 0);
      Arrays.fill(theirs, (byte) 0);
    }
  }

  boolean isIdenticalTo(GlobalKey other) {
    return id == other.id && material.equals(other.material);
  }

  GlobalKey copy() {
    return new GlobalKey(id, material.copy());
  }

  void save(StateWriter out) {
    out.int32(id).secret(material);
  }

  /** Reads a key; its material stays in {@code secrets} until it is claimed. */
  static GlobalKey read(StateReader in, UnclaimedSecrets secrets) throws StateException {
    return KeyingState.checked(() -> new GlobalKey(in.int32(), secrets.read(in)));
  }

  @Override
  public void close() {
    material.close();
  }

  @Override
  public String toString() {
    return "global key " + id;
  }
}
