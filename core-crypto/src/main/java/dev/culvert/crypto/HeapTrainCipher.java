package dev.culvert.crypto;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A train cipher over an implementation that knows only byte arrays and one packet at a time: each
 * packet is copied through two heap arrays, which are kept. Input and output are apart, since
 * javax.crypto opens in place only by way of an array of its own.
 */
abstract class HeapTrainCipher implements TrainCipher {
  private static final int USUAL_PACKET = 2048;

  private final AeadAlgorithm algorithm;

  /** The packet in work: plaintext to seal, or ciphertext and tag to open. */
  byte[] input = new byte[USUAL_PACKET];

  /** What became of it. */
  byte[] output = new byte[USUAL_PACKET];

  byte[] aad = new byte[64];
  final byte[] nonce = new byte[AeadKey.NONCE_LENGTH];

  HeapTrainCipher(AeadAlgorithm algorithm) {
    this.algorithm = algorithm;
  }

  /** Called first for every run: makes {@code key} the one in use, or fails where it is closed. */
  abstract void use(AeadKey key);

  /** Seals {@code length} bytes of {@link #input} under {@link #nonce} into {@link #output}. */
  abstract void sealPacket(int length, int aadLength);

  /**
   * Opens {@code length} bytes, tag included, of {@link #input} under {@link #nonce} into {@link
   * #output}; false where the tag is wrong.
   */
  abstract boolean openPacket(int length, int aadLength);

  @Override
  public final void seal(AeadKey key, PacketRun run) {
    prepare(key, run);
    MemorySegment memory = run.memory();
    for (int i = 0; i < run.packets(); i++) {
      long at = run.offset() + i * run.stride();
      int length = run.lengthOf(i);
      load(key, run, i, at, length);
      sealPacket(length, run.aadLength());
      MemorySegment.copy(output, 0, memory, ValueLayout.JAVA_BYTE, at, length + TAG_LENGTH);
    }
  }

  @Override
  public final long open(AeadKey key, PacketRun run) {
    prepare(key, run);
    MemorySegment memory = run.memory();
    long opened = 0;
    for (int i = 0; i < run.packets(); i++) {
      long at = run.offset() + i * run.stride();
      int length = run.lengthOf(i);
      load(key, run, i, at, length + TAG_LENGTH);
      if (openPacket(length + TAG_LENGTH, run.aadLength())) {
        MemorySegment.copy(output, 0, memory, ValueLayout.JAVA_BYTE, at, length);
        opened |= 1L << i;
      }
    }
    return opened;
  }

  private void prepare(AeadKey key, PacketRun run) {
    if (key.algorithm() != algorithm) {
      throw new IllegalArgumentException("a cipher for " + algorithm + " got an " + key);
    }
    int longest = run.length() + TAG_LENGTH;
    if (input.length < longest) {
      input = new byte[longest];
      output = new byte[longest];
    }
    if (aad.length < run.aadLength()) {
      aad = new byte[run.aadLength()];
    }
    use(key);
  }

  private void load(AeadKey key, PacketRun run, int i, long at, int length) {
    MemorySegment.copy(run.memory(), ValueLayout.JAVA_BYTE, at, input, 0, length);
    if (run.aadLength() > 0) {
      long aadAt = run.aadOffset() + i * run.aadStride();
      MemorySegment.copy(run.memory(), ValueLayout.JAVA_BYTE, aadAt, aad, 0, run.aadLength());
    }
    key.putNonce(run.firstCounter() + i, nonce);
  }
}
