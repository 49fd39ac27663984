// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.lang.invoke.VarHandle;
import java.security.MessageDigest;
import java.util.Arrays;

/**
 * Key material that is wiped when it is no longer needed and never shows itself: {@link #toString}
 * says only how long it is, comparison takes the same time whatever the contents.
 */
public final class SecretBytes implements AutoCloseable {
  private final byte[] bytes;
  private volatile boolean destroyed;

  private SecretBytes(byte[] bytes) {
    this.bytes = bytes;
  }

  /** Takes a copy; the caller keeps and wipes its own. */
  public static SecretBytes copyOf(byte[] bytes) {
    return new SecretBytes(bytes.clone());
  }

  /** Takes the array itself: the caller must not use it again. */
  public static SecretBytes owning(byte[] bytes) {
    return new SecretBytes(bytes);
  }

  public int length() {
    return bytes.length;
  }

  /**
   * A copy, for the caller to wipe. Fails if another thread closes this meanwhile, and never
   * returns a half-wiped copy, since anyone could open packets sealed under a key of zeros.
   */
  public byte[] toByteArray() {
    byte[] copy = new byte[bytes.length];
    copyTo(copy);
    return copy;
  }

  /**
   * Copies the bytes into the caller's array. Fails if another thread closes this meanwhile.
   *
   * @throws IllegalArgumentException if {@code target} has another length
   */
  void copyTo(byte[] target) {
    if (target.length != bytes.length) {
      throw new IllegalArgumentException(
          "a secret of " + bytes.length + " bytes, room for " + target.length);
    }
    System.arraycopy(live(), 0, target, 0, bytes.length);
    VarHandle.acquireFence();
    if (destroyed) {
      Arrays.fill(target, (byte) 0);
      throw destroyedAlready();
    }
  }

  /** An independent copy with a life of its own. */
  public SecretBytes copy() {
    return owning(toByteArray());
  }

  /**
   * The bytes themselves, for use inside this package while no other thread can close this; all
   * other callers take a copy.
   */
  byte[] live() {
    if (destroyed) {
      throw destroyedAlready();
    }
    return bytes;
  }

  private static IllegalStateException destroyedAlready() {
    return new IllegalStateException("secret was destroyed");
  }

  public boolean isZero() {
    int or = 0;
    for (byte b : live()) {
      or |= b;
    }
    return or == 0;
  }

  /** Wipes the bytes; using them afterwards fails. May be called again. */
  @Override
  public void close() {
    destroyed = true;
    VarHandle.fullFence();
    Arrays.fill(bytes, (byte) 0);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SecretBytes that && MessageDigest.isEqual(live(), that.live());
  }

  /** Constant, since a hash would reveal something about the secret. */
  @Override
  public int hashCode() {
    return 1;
  }

  @Override
  public String toString() {
    return "SecretBytes[" + bytes.length + " bytes]";
  }
}
