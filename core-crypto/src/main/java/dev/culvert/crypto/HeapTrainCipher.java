// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A train cipher over an implementation that knows only byte arrays and one packet at a time: each
 * packet is copied through two heap arrays, which are kept. Input and output are separate arrays,
 * since javax.crypto opens in place only through an array of its own. Each direction has its own
 * {@link PacketCipher}, so that opening a packet does not count as using its nonce to seal.
 */
final class HeapTrainCipher implements TrainCipher {
  private static final int USUAL_PACKET = 2048;
  private static final int USUAL_AAD = 64;

  private final AeadAlgorithm algorithm;
  private final PacketCipher sealer;
  private final PacketCipher opener;

  private final byte[] nonce = new byte[AeadKey.NONCE_LENGTH];
  private byte[] aad = new byte[USUAL_AAD];
  private byte[] input = new byte[USUAL_PACKET];
  private byte[] output = new byte[USUAL_PACKET];

  /** The number of times that keys were forgotten; it makes a new nonce each time. */
  private long forgotten;

  HeapTrainCipher(AeadAlgorithm algorithm, PacketCipher sealer, PacketCipher opener) {
    this.algorithm = algorithm;
    this.sealer = sealer;
    this.opener = opener;
  }

  @Override
  public void seal(AeadKey key, PacketRun run) {
    prepare(key, run);
    sealer.use(key);
    MemorySegment memory = run.memory();
    for (int i = 0; i < run.packets(); i++) {
      long at = run.offset() + i * run.stride();
      int length = run.lengthOf(i);
      load(key, run, i, at, length);
      if (!sealer.process(nonce, aad, run.aadLength(), input, length, output)) {
        throw new IllegalStateException(algorithm + " failed to seal");
      }
      MemorySegment.copy(output, 0, memory, ValueLayout.JAVA_BYTE, at, length + TAG_LENGTH);
    }
  }

  @Override
  public long open(AeadKey key, PacketRun run) {
    prepare(key, run);
    opener.use(key);
    MemorySegment memory = run.memory();
    long opened = 0;
    for (int i = 0; i < run.packets(); i++) {
      long at = run.offset() + i * run.stride();
      int length = run.lengthOf(i);
      load(key, run, i, at, length + TAG_LENGTH);
      if (opener.process(nonce, aad, run.aadLength(), input, length + TAG_LENGTH, output)) {
        MemorySegment.copy(output, 0, memory, ValueLayout.JAVA_BYTE, at, length);
        opened |= 1L << i;
      }
    }
    return opened;
  }

  /** Replaces the real keys by a key of zeros. */
  @Override
  public void forgetKeys() {
    MemorySegment memory = MemorySegment.ofArray(new byte[TAG_LENGTH]);
    PacketRun run = new PacketRun().at(memory, 0, TAG_LENGTH).of(1, 0, 0).counting(++forgotten);
    SecretBytes zeros = SecretBytes.owning(new byte[32]);
    try (AeadKey key = new AeadKey(algorithm, zeros, NonceLayout.LITTLE_ENDIAN_COUNTER, 0)) {
      seal(key, run);
      open(key, run);
    }
  }

  private void prepare(AeadKey key, PacketRun run) {
    if (key.algorithm() != algorithm) {
      throw new IllegalArgumentException("a cipher for " + algorithm + " got an " + key);
    }
    run.requireRoomForTags();
    int longest = run.length() + TAG_LENGTH;
    if (input.length < longest) {
      input = new byte[longest];
      output = new byte[longest];
    }
    if (aad.length < run.aadLength()) {
      aad = new byte[run.aadLength()];
    }
  }

  /** Copies a packet's bytes and associated data into the heap arrays, and makes its nonce. */
  private void load(AeadKey key, PacketRun run, int i, long at, int length) {
    MemorySegment.copy(run.memory(), ValueLayout.JAVA_BYTE, at, input, 0, length);
    if (run.aadLength() > 0) {
      long aadAt = run.aadOffset() + i * run.aadStride();
      MemorySegment.copy(run.memory(), ValueLayout.JAVA_BYTE, aadAt, aad, 0, run.aadLength());
    }
    key.putNonce(run.firstCounter() + i, nonce);
  }
}
