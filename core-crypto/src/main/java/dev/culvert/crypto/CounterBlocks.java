// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.ShortBufferException;

/**
 * The AES keystream of several packets at once, as GCM wants it (NIST SP 800-38D, section 7.1): for
 * each packet the block of counter 1, which covers the tag, then those of counters 2, 3, … for its
 * text. All the counter blocks lie in one array and are enciphered by one call.
 */
final class CounterBlocks {
  private static final int BLOCK = Ghash.BLOCK;

  /**
   * Blocks per call: 16 KiB of counters and 16 KiB of keystream, which fit the first-level cache.
   */
  private static final int USUAL_BLOCKS = 1024;

  private static final byte[] ZEROS = new byte[BLOCK];

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private final Cipher aes;
  private byte[] counters = new byte[USUAL_BLOCKS * BLOCK];
  private byte[] keystream = new byte[USUAL_BLOCKS * BLOCK];

  CounterBlocks() {
    try {
      aes = Cipher.getInstance("AES/ECB/NoPadding");
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JDK lacks AES", e);
    }
  }

  /**
   * Sets the key, and puts the hash subkey, the cipher of a block of zeros, into {@code subkey}.
   */
  void use(JavaxKey key, byte[] subkey) {
    try {
      aes.init(Cipher.ENCRYPT_MODE, key);
      aes.update(ZEROS, 0, BLOCK, subkey, 0);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("AES refuses the key", e);
    }
  }

  /**
   * The number of packets of {@code blocks} blocks each (with the tag's) that one call handles; at
   * least 1.
   */
  int packetsAtOnce(int blocks) {
    return Math.max(1, USUAL_BLOCKS / blocks);
  }

  /**
   * Makes the keystream of some packets; packet {@code i} has its own from {@code i * blocks * 16}
   * on.
   *
   * @param prefix the first four bytes of each nonce
   * @param layout how the counter stands in the nonce's other eight
   */
  void generate(int prefix, NonceLayout layout, long firstCounter, int packets, int blocks) {
    reserve(packets * blocks * BLOCK);
    long upper = (long) prefix << Integer.SIZE;
    int at = 0;
    for (int i = 0; i < packets; i++) {
      long counter = firstCounter + i;
      long bytes = layout == NonceLayout.BIG_ENDIAN_COUNTER ? counter : Long.reverseBytes(counter);
      for (int block = 1; block <= blocks; block++, at += BLOCK) {
        LONG.set(counters, at, upper | bytes >>> Integer.SIZE);
        LONG.set(counters, at + Long.BYTES, bytes << Integer.SIZE | block);
      }
    }
    try {
      aes.update(counters, 0, at, keystream, 0);
    } catch (ShortBufferException e) {
      throw new IllegalStateException("no room for the keystream", e);
    }
  }

  byte[] keystream() {
    return keystream;
  }

  private void reserve(int bytes) {
    if (bytes > counters.length) {
      counters = new byte[bytes];
      keystream = new byte[bytes];
    }
  }

  /** Wipes the keystream and replaces the real key by {@code zeros}. */
  void forget(JavaxKey zeros) {
    use(zeros, keystream);
    Arrays.fill(keystream, (byte) 0);
  }
}
