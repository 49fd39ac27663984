// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;

/**
 * HMAC-SHA-256 (RFC 2104) over sender, receiver and a message, at the message's end. It reuses its
 * own scratch memory, unlike the JDK's {@code Mac}, so that a lane that drops forged messages
 * allocates nothing. Belongs to one thread.
 */
final class MessageMac {
  static final int LENGTH = 32;

  private static final int BLOCK = 64;
  private static final byte INNER = 0x36;
  private static final byte OUTER = 0x5c;

  private final MessageDigest sha256;
  private final byte[] block = new byte[BLOCK];
  private final byte[] mac = new byte[LENGTH];

  MessageMac() {
    try {
      sha256 = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** Writes the MAC of this end's message into the last bytes of {@code message}. */
  void seal(MacKey key, byte[] message) {
    int covered = message.length - LENGTH;
    if (!compute(key, key.outward(), message, covered)) {
      throw new IllegalStateException("the key is closed");
    }
    System.arraycopy(mac, 0, message, covered, LENGTH);
  }

  /**
   * Whether the peer made the first {@code length} bytes of {@code message}, at least {@link
   * #LENGTH}, for us.
   */
  boolean isAuthentic(MacKey key, byte[] message, int length) {
    int covered = length - LENGTH;
    if (!compute(key, key.inward(), message, covered)) {
      return false;
    }
    int difference = 0;
    for (int i = 0; i < LENGTH; i++) {
      difference |= mac[i] ^ message[covered + i];
    }
    return difference == 0;
  }

  private boolean compute(MacKey key, byte[] ends, byte[] message, int covered) {
    if (!key.pin()) {
      return false;
    }
    try {
      pad(key.secret(), INNER);
      sha256.update(ends);
      sha256.update(message, 0, covered);
      sha256.digest(mac, 0, LENGTH);
      pad(key.secret(), OUTER);
      sha256.update(mac);
      sha256.digest(mac, 0, LENGTH);
      return true;
    } catch (DigestException e) {
      throw new IllegalStateException("32 bytes are room enough", e);
    } finally {
      key.unpin();
      Arrays.fill(block, (byte) 0);
    }
  }

  private void pad(byte[] secret, byte with) {
    for (int i = 0; i < BLOCK; i++) {
      block[i] = (byte) ((i < secret.length ? secret[i] : 0) ^ with);
    }
    sha256.update(block);
  }
}
