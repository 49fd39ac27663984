package dev.culvert.crypto;

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

  /** A copy, for the caller to wipe. */
  public byte[] toByteArray() {
    return live().clone();
  }

  /** An independent copy with a life of its own. */
  public SecretBytes copy() {
    return copyOf(live());
  }

  /** The bytes themselves, for use inside this package only. */
  byte[] live() {
    if (destroyed) {
      throw new IllegalStateException("secret was destroyed");
    }
    return bytes;
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
    Arrays.fill(bytes, (byte) 0);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SecretBytes that && MessageDigest.isEqual(live(), that.live());
  }

  /** Constant: a hash would say something about the secret. */
  @Override
  public int hashCode() {
    return 1;
  }

  @Override
  public String toString() {
    return "SecretBytes[" + bytes.length + " bytes]";
  }
}
