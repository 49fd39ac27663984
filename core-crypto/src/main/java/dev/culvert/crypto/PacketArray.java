// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * One packet in a heap array, for routines that read and write nothing else, as AES-GCM and
 * ChaCha20-Poly1305 authenticate it:
 *
 * <pre>associated data, padded | ciphertext, padded | length of both</pre>
 *
 * in blocks of 16 bytes, of which the lengths take one. Belongs to one cipher.
 */
final class PacketArray {
  static final int BLOCK = 16;

  private static final int USUAL = 2048;

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

  private byte[] bytes = new byte[USUAL];
  private int textAt;

  /** Makes room for each packet of a run. */
  void fit(PacketRun run) {
    textAt = blocks(run.aadLength()) * BLOCK;
    int needed = textAt + blocks(run.length()) * BLOCK + BLOCK;
    if (bytes.length < needed) {
      forget();
      bytes = new byte[needed];
    }
  }

  /** The array, which the next {@link #fit} may replace. */
  byte[] bytes() {
    return bytes;
  }

  /** Copies packet {@code i} of the run that fits: its associated data, padded, and its text. */
  void load(PacketRun run, int i) {
    int aadLength = run.aadLength();
    if (aadLength > 0) {
      LONG.set(bytes, textAt - Long.BYTES, 0L);
      LONG.set(bytes, textAt - BLOCK, 0L);
      long aadAt = run.aadOffset() + i * run.aadStride();
      MemorySegment.copy(run.memory(), ValueLayout.JAVA_BYTE, aadAt, bytes, 0, aadLength);
    }
    long at = run.offset() + i * run.stride();
    MemorySegment.copy(run.memory(), ValueLayout.JAVA_BYTE, at, bytes, textAt, run.lengthOf(i));
  }

  /** Copies the text back into packet {@code i}. */
  void storeText(PacketRun run, int i) {
    long at = run.offset() + i * run.stride();
    MemorySegment.copy(bytes, textAt, run.memory(), ValueLayout.JAVA_BYTE, at, run.lengthOf(i));
  }

  /**
   * XORs keystream onto a part of the text, in whole words: {@link #pad} overwrites the bytes
   * behind the text that this spoils.
   *
   * @param at offset within the text, in bytes
   * @param from offset within {@code keystream}, whose bytes behind the part are read too
   */
  void xorText(int at, byte[] keystream, int from, int length) {
    byte[] text = bytes;
    int first = textAt + at;
    for (int i = 0; i < length; i += Long.BYTES) {
      long word = (long) LONG.get(text, first + i);
      LONG.set(text, first + i, word ^ (long) LONG.get(keystream, from + i));
    }
  }

  /** Pads a text of {@code length} bytes; returns the offset of the block for the lengths. */
  int pad(int length) {
    int lengthsAt = textAt + blocks(length) * BLOCK;
    Arrays.fill(bytes, textAt + length, lengthsAt, (byte) 0);
    return lengthsAt;
  }

  /** Wipes the packet. */
  void forget() {
    Arrays.fill(bytes, (byte) 0);
  }

  static int blocks(int bytes) {
    return (bytes + BLOCK - 1) / BLOCK;
  }
}
