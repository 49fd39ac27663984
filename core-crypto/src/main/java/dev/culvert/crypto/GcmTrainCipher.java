// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * AES-GCM (NIST SP 800-38D, section 7) over a train: the keystream of many packets by one call,
 * then packet by packet the text and the hash, each in a {@link PacketArray} with its lengths in
 * bits.
 */
final class GcmTrainCipher implements TrainCipher {
  private static final int BLOCK = PacketArray.BLOCK;

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfLong TAG_HALF =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private final CounterBlocks counterBlocks = new CounterBlocks();
  private final Ghash ghash = new Ghash();
  private final NonceGuard nonceGuard = new NonceGuard();
  private @Nullable AeadKey keyInUse;
  private final PacketArray packet = new PacketArray();

  @Override
  public void seal(AeadKey key, PacketRun run) {
    use(key, run);
    nonceGuard.admit(key, run);
    int blocks = PacketArray.blocks(run.length()) + 1;
    int atOnce = counterBlocks.packetsAtOnce(blocks);
    for (int from = 0; from < run.packets(); from += atOnce) {
      int packets = generate(key, run, from, atOnce, blocks);
      for (int i = 0; i < packets; i++) {
        sealPacket(run, from + i, i * blocks * BLOCK);
      }
    }
    key.requireOpen();
  }

  @Override
  public long open(AeadKey key, PacketRun run) {
    use(key, run);
    int blocks = PacketArray.blocks(run.length()) + 1;
    int atOnce = counterBlocks.packetsAtOnce(blocks);
    long opened = 0;
    for (int from = 0; from < run.packets(); from += atOnce) {
      int packets = generate(key, run, from, atOnce, blocks);
      for (int i = 0; i < packets; i++) {
        opened |= openPacket(run, from + i, i * blocks * BLOCK) ? 1L << (from + i) : 0;
      }
    }
    key.requireOpen();
    return opened;
  }

  private int generate(AeadKey key, PacketRun run, int from, int atOnce, int blocks) {
    int packets = Math.min(atOnce, run.packets() - from);
    counterBlocks.generate(
        key.noncePrefix(), key.nonceLayout(), run.firstCounter() + from, packets, blocks);
    return packets;
  }

  /**
   * @param keystreamAt offset of the packet's keystream, with the block for the tag
   */
  private void sealPacket(PacketRun run, int i, int keystreamAt) {
    MemorySegment memory = run.memory();
    long at = run.offset() + i * run.stride();
    int length = run.lengthOf(i);
    packet.load(run, i);
    packet.xorText(0, counterBlocks.keystream(), keystreamAt + BLOCK, length);
    packet.storeText(run, i);
    hash(run.aadLength(), length);
    byte[] keystream = counterBlocks.keystream();
    memory.set(TAG_HALF, at + length, ghash.upper() ^ (long) LONG.get(keystream, keystreamAt));
    memory.set(
        TAG_HALF,
        at + length + Long.BYTES,
        ghash.lower() ^ (long) LONG.get(keystream, keystreamAt + Long.BYTES));
  }

  private boolean openPacket(PacketRun run, int i, int keystreamAt) {
    MemorySegment memory = run.memory();
    long at = run.offset() + i * run.stride();
    int length = run.lengthOf(i);
    packet.load(run, i);
    hash(run.aadLength(), length);
    byte[] keystream = counterBlocks.keystream();
    long upper = ghash.upper() ^ (long) LONG.get(keystream, keystreamAt);
    long lower = ghash.lower() ^ (long) LONG.get(keystream, keystreamAt + Long.BYTES);
    // One comparison of all bits: the time does not tell which byte was wrong.
    long difference =
        (memory.get(TAG_HALF, at + length) ^ upper)
            | (memory.get(TAG_HALF, at + length + Long.BYTES) ^ lower);
    if (difference != 0) {
      return false;
    }
    packet.xorText(0, counterBlocks.keystream(), keystreamAt + BLOCK, length);
    packet.storeText(run, i);
    return true;
  }

  /** Pads the text, appends the lengths, hashes all. */
  private void hash(int aadLength, int length) {
    int lengthsAt = packet.pad(length);
    LONG.set(packet.bytes(), lengthsAt, (long) aadLength * Byte.SIZE);
    LONG.set(packet.bytes(), lengthsAt + Long.BYTES, (long) length * Byte.SIZE);
    ghash.hash(packet.bytes(), lengthsAt / BLOCK + 1);
  }

  private void use(AeadKey key, PacketRun run) {
    if (key.algorithm() != AeadAlgorithm.AES_GCM) {
      throw new IllegalArgumentException("a cipher for AES_GCM got an " + key);
    }
    run.requireRoomForTags();
    key.requireOpen();
    packet.fit(run);
    if (key != keyInUse) {
      keyInUse = null;
      counterBlocks.use(new JavaxKey(key), packet.bytes());
      ghash.use(packet.bytes());
      keyInUse = key;
    }
  }

  @Override
  public void forgetKeys() {
    SecretBytes zeros = SecretBytes.owning(new byte[BLOCK]);
    try (AeadKey key =
        new AeadKey(AeadAlgorithm.AES_GCM, zeros, NonceLayout.BIG_ENDIAN_COUNTER, 0)) {
      counterBlocks.forget(new JavaxKey(key));
    }
    keyInUse = null;
    ghash.forget();
    nonceGuard.forget();
    packet.forget();
  }
}
