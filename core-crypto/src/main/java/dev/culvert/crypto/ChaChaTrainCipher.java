// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * ChaCha20-Poly1305 (RFC 8439, section 2.8) packet by packet. The routines read and write heap
 * arrays, so each packet passes through one:
 *
 * <pre>associated data, padded | ciphertext, padded | length of both in bytes</pre>
 */
final class ChaChaTrainCipher implements TrainCipher {
  private static final int BLOCK = Poly1305Mac.BLOCK;
  private static final int USUAL_AUTHENTICATED = 2048;

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong TAG_HALF =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final ChaCha20Blocks chaCha20 = new ChaCha20Blocks();
  private final Poly1305Mac poly1305 = new Poly1305Mac();
  private final NonceGuard nonceGuard = new NonceGuard();
  private final byte[] keyBytes = new byte[ChaCha20Blocks.KEY];
  private byte[] authenticated = new byte[USUAL_AUTHENTICATED];
  private int textAt;

  @Override
  public void seal(AeadKey key, PacketRun run) {
    use(key, run);
    nonceGuard.admit(key, run);
    for (int i = 0; i < run.packets(); i++) {
      sealPacket(key, run, i);
    }
    key.requireOpen();
  }

  @Override
  public long open(AeadKey key, PacketRun run) {
    use(key, run);
    long opened = 0;
    for (int i = 0; i < run.packets(); i++) {
      opened |= openPacket(key, run, i) ? 1L << i : 0;
    }
    key.requireOpen();
    return opened;
  }

  private void sealPacket(AeadKey key, PacketRun run, int i) {
    MemorySegment memory = run.memory();
    long at = run.offset() + i * run.stride();
    int length = run.lengthOf(i);
    load(run, i, at, length);
    int made = start(key, run.firstCounter() + i);
    applyKeystream(made, length);
    MemorySegment.copy(authenticated, textAt, memory, ValueLayout.JAVA_BYTE, at, length);
    authenticate(run.aadLength(), length);
    memory.set(TAG_HALF, at + length, poly1305.lower());
    memory.set(TAG_HALF, at + length + Long.BYTES, poly1305.upper());
  }

  private boolean openPacket(AeadKey key, PacketRun run, int i) {
    MemorySegment memory = run.memory();
    long at = run.offset() + i * run.stride();
    int length = run.lengthOf(i);
    load(run, i, at, length);
    int made = start(key, run.firstCounter() + i);
    authenticate(run.aadLength(), length);
    // One comparison of all bits: the time does not tell which byte was wrong.
    long difference =
        (memory.get(TAG_HALF, at + length) ^ poly1305.lower())
            | (memory.get(TAG_HALF, at + length + Long.BYTES) ^ poly1305.upper());
    if (difference != 0) {
      return false;
    }
    applyKeystream(made, length);
    MemorySegment.copy(authenticated, textAt, memory, ValueLayout.JAVA_BYTE, at, length);
    return true;
  }

  /**
   * Makes a packet's first blocks, of which block 0 is the key of Poly1305; returns their bytes.
   */
  private int start(AeadKey key, long counter) {
    chaCha20.start(key.noncePrefix(), key.nonceLayout(), counter);
    int made = chaCha20.next();
    poly1305.use(chaCha20.keystream());
    return made;
  }

  /**
   * Enciphers the text.
   *
   * @param made the bytes of the first blocks
   */
  private void applyKeystream(int made, int length) {
    int from = ChaCha20Blocks.BLOCK;
    int end = made;
    int done = 0;
    while (done < length) {
      if (from == end) {
        end = chaCha20.next();
        from = 0;
      }
      int bytes = Math.min(length - done, end - from);
      xor(authenticated, textAt + done, chaCha20.keystream(), from, bytes);
      done += bytes;
      from += bytes;
    }
  }

  /**
   * XORs whole words; {@link #authenticate} overwrites the bytes behind the text that this spoils.
   */
  private static void xor(byte[] text, int at, byte[] keystream, int from, int length) {
    for (int i = 0; i < length; i += Long.BYTES) {
      long word = (long) LONG.get(text, at + i);
      LONG.set(text, at + i, word ^ (long) LONG.get(keystream, from + i));
    }
  }

  /** Copies a packet's associated data, padded, and its text into the heap array. */
  private void load(PacketRun run, int i, long at, int length) {
    int aadLength = run.aadLength();
    if (aadLength > 0) {
      LONG.set(authenticated, textAt - Long.BYTES, 0L);
      LONG.set(authenticated, textAt - BLOCK, 0L);
      long aadAt = run.aadOffset() + i * run.aadStride();
      MemorySegment.copy(run.memory(), ValueLayout.JAVA_BYTE, aadAt, authenticated, 0, aadLength);
    }
    MemorySegment.copy(run.memory(), ValueLayout.JAVA_BYTE, at, authenticated, textAt, length);
  }

  /** Pads the text, appends the lengths, authenticates all. */
  private void authenticate(int aadLength, int length) {
    int end = textAt + length;
    int lengthsAt = textAt + blocks(length) * BLOCK;
    Arrays.fill(authenticated, end, lengthsAt, (byte) 0);
    LONG.set(authenticated, lengthsAt, (long) aadLength);
    LONG.set(authenticated, lengthsAt + Long.BYTES, (long) length);
    poly1305.authenticate(authenticated, lengthsAt / BLOCK + 1);
  }

  private void use(AeadKey key, PacketRun run) {
    if (key.algorithm() != AeadAlgorithm.CHACHA20_POLY1305) {
      throw new IllegalArgumentException("a cipher for CHACHA20_POLY1305 got an " + key);
    }
    run.requireRoomForTags();
    textAt = blocks(run.aadLength()) * BLOCK;
    int needed = textAt + blocks(run.length()) * BLOCK + BLOCK;
    if (authenticated.length < needed) {
      Arrays.fill(authenticated, (byte) 0);
      authenticated = new byte[needed];
    }
    key.copyTo(keyBytes);
    chaCha20.use(keyBytes);
    Arrays.fill(keyBytes, (byte) 0);
  }

  private static int blocks(int bytes) {
    return (bytes + BLOCK - 1) / BLOCK;
  }

  @Override
  public void forgetKeys() {
    chaCha20.forget();
    poly1305.forget();
    nonceGuard.forget();
    Arrays.fill(authenticated, (byte) 0);
  }
}
