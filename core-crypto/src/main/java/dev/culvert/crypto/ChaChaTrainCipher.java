// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * ChaCha20-Poly1305 (RFC 8439, section 2.8) packet by packet, each in a {@link PacketArray} with
 * its lengths in bytes.
 */
final class ChaChaTrainCipher implements TrainCipher {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong TAG_HALF =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final ChaCha20Blocks chaCha20 = new ChaCha20Blocks();
  private final Poly1305Mac poly1305 = new Poly1305Mac();
  private final NonceGuard nonceGuard = new NonceGuard();
  private final byte[] keyBytes = new byte[ChaCha20Blocks.KEY];
  private final PacketArray packet = new PacketArray();

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
    packet.load(run, i);
    int made = start(key, run.firstCounter() + i);
    applyKeystream(made, length);
    packet.storeText(run, i);
    authenticate(run.aadLength(), length);
    memory.set(TAG_HALF, at + length, poly1305.lower());
    memory.set(TAG_HALF, at + length + Long.BYTES, poly1305.upper());
  }

  private boolean openPacket(AeadKey key, PacketRun run, int i) {
    MemorySegment memory = run.memory();
    long at = run.offset() + i * run.stride();
    int length = run.lengthOf(i);
    packet.load(run, i);
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
    packet.storeText(run, i);
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
      packet.xorText(done, chaCha20.keystream(), from, bytes);
      done += bytes;
      from += bytes;
    }
  }

  /** Pads the text, appends the lengths, authenticates all. */
  private void authenticate(int aadLength, int length) {
    int lengthsAt = packet.pad(length);
    LONG.set(packet.bytes(), lengthsAt, (long) aadLength);
    LONG.set(packet.bytes(), lengthsAt + Long.BYTES, (long) length);
    poly1305.authenticate(packet.bytes(), lengthsAt / PacketArray.BLOCK + 1);
  }

  private void use(AeadKey key, PacketRun run) {
    if (key.algorithm() != AeadAlgorithm.CHACHA20_POLY1305) {
      throw new IllegalArgumentException("a cipher for CHACHA20_POLY1305 got an " + key);
    }
    run.requireRoomForTags();
    packet.fit(run);
    key.copyTo(keyBytes);
    chaCha20.use(keyBytes);
    Arrays.fill(keyBytes, (byte) 0);
  }

  @Override
  public void forgetKeys() {
    chaCha20.forget();
    poly1305.forget();
    nonceGuard.forget();
    packet.forget();
  }
}
