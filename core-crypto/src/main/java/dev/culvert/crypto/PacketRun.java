// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.lang.foreign.MemorySegment;

/**
 * The places of a train's packets in memory, for a {@link TrainCipher}: packet {@code i} of {@code
 * packets} starts at {@code offset + i * stride} in one memory and is {@code length} bytes of
 * plaintext, the last one {@code lastLength}; the 16-byte tag stands, or is put, directly behind
 * each packet's own plaintext. Packet {@code i} is sealed under counter {@code firstCounter + i}.
 * Lengths never include the tag.
 *
 * <p>A flyweight: one thread owns it and sets it again for each train, so nothing is allocated.
 */
public final class PacketRun {
  /** A {@code long} reports the result of a run, with one bit per packet. */
  public static final int MAX_PACKETS = 64;

  private MemorySegment memory = MemorySegment.NULL;
  private long offset;
  private long stride;
  private int packets;
  private int length;
  private int lastLength;
  private long firstCounter;
  private long aadOffset;
  private long aadStride;
  private int aadLength;

  /**
   * Places the first plaintext byte of packet 0 at {@code offset}, the next packet {@code stride}
   * bytes on.
   */
  public PacketRun at(MemorySegment newMemory, long newOffset, long newStride) {
    memory = newMemory;
    offset = newOffset;
    stride = newStride;
    aadLength = 0;
    return this;
  }

  /**
   * Sets the number of packets (1 to 64) and the plaintext lengths, {@code newLastLength <=
   * newLength}.
   */
  public PacketRun of(int newPackets, int newLength, int newLastLength) {
    if (newPackets < 1
        || newPackets > MAX_PACKETS
        || newLength < newLastLength
        || newLastLength < 0) {
      throw new IllegalArgumentException(
          "packets " + newPackets + ", length " + newLength + ", last length " + newLastLength);
    }
    packets = newPackets;
    length = newLength;
    lastLength = newLastLength;
    return this;
  }

  /** Sets the counter of packet 0; the following packets take the following counters. */
  public PacketRun counting(long newFirstCounter) {
    firstCounter = newFirstCounter;
    return this;
  }

  /**
   * Gives every packet {@code newAadLength} bytes of associated data, from the same memory. {@link
   * #at} removes it again.
   */
  public PacketRun authenticating(long newAadOffset, long newAadStride, int newAadLength) {
    aadOffset = newAadOffset;
    aadStride = newAadStride;
    aadLength = newAadLength;
    return this;
  }

  public MemorySegment memory() {
    return memory;
  }

  public long offset() {
    return offset;
  }

  public long stride() {
    return stride;
  }

  public int packets() {
    return packets;
  }

  public int length() {
    return length;
  }

  public int lastLength() {
    return lastLength;
  }

  public long firstCounter() {
    return firstCounter;
  }

  public long aadOffset() {
    return aadOffset;
  }

  public long aadStride() {
    return aadStride;
  }

  public int aadLength() {
    return aadLength;
  }

  /** The plaintext length of packet {@code i}. */
  public int lengthOf(int i) {
    return i == packets - 1 ? lastLength : length;
  }

  /**
   * Refuses a run whose packets, with their tags, would overlap.
   *
   * @throws IllegalArgumentException then
   */
  public void requireRoomForTags() {
    if (packets > 1 && stride < length + TrainCipher.TAG_LENGTH) {
      throw new IllegalArgumentException("stride " + stride + " for packets of " + length);
    }
  }

  /** A mask with one bit set for each packet of this run. */
  public long allPackets() {
    return -1L >>> (MAX_PACKETS - packets);
  }
}
