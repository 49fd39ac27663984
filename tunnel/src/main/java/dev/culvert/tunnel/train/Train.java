// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.train;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Packets of one stride, back to back in one buffer, for one peer: the unit of all work. A single
 * packet is a train of one.
 *
 * <p>Packet {@code i} owns the slot {@code [offset + i * stride, + stride)}. <b>Plain</b>, its
 * inner IP packet of {@code length(i)} bytes starts {@code headroom} bytes into the slot and the
 * slot has room for the engine's padding and tag behind it. <b>Sealed</b>, the slot is the
 * datagram: every one is {@code stride} bytes long but the last, which is {@code lastSealedLength}.
 * Sealing and opening happen in place.
 *
 * <p>A flyweight: one lane owns and reuses it, so nothing is allocated.
 */
public final class Train {
  /** Most packets that the kernel takes in one {@code UDP_SEGMENT} call. */
  public static final int MAX_PACKETS = 64;

  /** Most bytes of UDP payload that one call may carry over IPv4. */
  public static final int MAX_BYTES = 65_507;

  /**
   * Bytes of every buffer for one unit of the kernel's: a datagram, a run of them or a
   * super-packet. It is larger than any length that IP's header can express, in either family and
   * with or without UDP, so that a sender cannot make the kernel overfill it.
   */
  public static final int BUFFER_BYTES = 65_536;

  private final int[] lengths = new int[MAX_PACKETS];
  private MemorySegment memory = MemorySegment.NULL;
  private long offset;
  private int headroom;
  private int stride;
  private int packets;
  private int lastSealedLength;
  private int tos;
  private Fragmentation fragmentation = Fragmentation.BY_KERNEL;
  private @Nullable Object reservation;
  private @Nullable Object origin;

  /** Empties the train and places its first slot; the first packet added decides the stride. */
  public Train startAt(MemorySegment newMemory, long newOffset, int newHeadroom) {
    memory = newMemory;
    offset = newOffset;
    headroom = newHeadroom;
    stride = 0;
    packets = 0;
    lastSealedLength = 0;
    tos = 0;
    fragmentation = Fragmentation.BY_KERNEL;
    origin = null;
    return this;
  }

  /**
   * Makes this the view of a received run: {@code packets} datagrams of {@code stride} bytes, the
   * last of {@code lastLength}.
   */
  public Train received(
      MemorySegment newMemory, long newOffset, int newStride, int newPackets, int newLastLength) {
    startAt(newMemory, newOffset, 0);
    if (newPackets < 1 || newPackets > MAX_PACKETS || newLastLength > newStride) {
      throw new IllegalArgumentException(
          newPackets + " packets of " + newStride + " bytes, last " + newLastLength);
    }
    stride = newStride;
    packets = newPackets;
    lastSealedLength = newLastLength;
    return this;
  }

  /**
   * Makes this the view of {@code count} packets of a received train, from packet {@code first}.
   */
  public Train slice(Train of, int first, int count) {
    int last = first + count == of.packets ? of.lastSealedLength : of.stride;
    int keptTos = of.tos;
    received(of.memory, of.slot(first), of.stride, count, last);
    tos = keptTos;
    return this;
  }

  /**
   * Whether a packet that is {@code sealedLength} bytes on the wire fits behind the others: equal
   * lengths but for the last, which may be shorter and then ends the train.
   */
  public boolean accepts(int sealedLength) {
    if (packets == 0) {
      return sealedLength <= MAX_BYTES;
    }
    return packets < MAX_PACKETS
        && lastSealedLength == stride
        && sealedLength <= stride
        && (long) packets * stride + sealedLength <= MAX_BYTES;
  }

  /**
   * Adds a plain packet of {@code length} bytes that will be {@code sealedLength} on the wire, if
   * {@link #accepts} returned true.
   *
   * @return offset in {@link #memory} of its first byte
   */
  public long add(int length, int sealedLength) {
    if (!accepts(sealedLength)) {
      throw new IllegalStateException(
          "train of " + packets + " packets takes no " + sealedLength + " bytes more");
    }
    if (packets == 0) {
      stride = sealedLength;
    }
    lastSealedLength = sealedLength;
    lengths[packets] = length;
    return slot(packets++) + headroom;
  }

  /** Whether no packet can follow, whatever its length. */
  public boolean isFull() {
    return packets > 0 && !accepts(1);
  }

  public MemorySegment memory() {
    return memory;
  }

  /** Offset of packet {@code i}'s slot. */
  public long slot(int i) {
    return offset + (long) i * stride;
  }

  /** Offset of packet {@code i}'s inner IP packet. */
  public long inner(int i) {
    return slot(i) + headroom;
  }

  public int headroom() {
    return headroom;
  }

  /**
   * Sets the offset of inner packets in their slots, in bytes; called by the engine that opened the
   * train.
   */
  public void headroom(int newHeadroom) {
    headroom = newHeadroom;
  }

  public int stride() {
    return stride;
  }

  public int packets() {
    return packets;
  }

  /**
   * Bytes of the inner packet {@code i}; 0 after opening if there is nothing to deliver (refused,
   * or a keepalive).
   */
  public int length(int i) {
    return lengths[i];
  }

  public void length(int i, int length) {
    lengths[i] = length;
  }

  /** Bytes of all inner packets. */
  public int innerBytes() {
    int bytes = 0;
    for (int i = 0; i < packets; i++) {
      bytes += lengths[i];
    }
    return bytes;
  }

  /** Bytes of datagram {@code i} on the wire. */
  public int sealedLength(int i) {
    return i == packets - 1 ? lastSealedLength : stride;
  }

  public int lastSealedLength() {
    return lastSealedLength;
  }

  /** Bytes of the whole train on the wire. */
  public int sealedBytes() {
    return packets == 0 ? 0 : (packets - 1) * stride + lastSealedLength;
  }

  /** The bytes on the wire of those packets whose bits are set: bit 0 for packet 0. */
  public int sealedBytes(long some) {
    int bytes = Long.bitCount(some) * stride;
    boolean last = (some >>> (packets - 1) & 1) != 0;
    return last ? bytes - stride + lastSealedLength : bytes;
  }

  /** The outer header's ECN field, 0 to 3 (RFC 6040). */
  public int ecn() {
    return tos & 3;
  }

  /** DSCP and ECN of the outer header, 0 to 255: the IPv4 TOS byte or the IPv6 traffic class. */
  public int tos() {
    return tos;
  }

  public void tos(int newTos) {
    tos = newTos;
  }

  /** Whether the outer packets may be fragmented. */
  public Fragmentation fragmentation() {
    return fragmentation;
  }

  public void fragmentation(Fragmentation newFragmentation) {
    fragmentation = newFragmentation;
  }

  /** The peer that sent an opened train, in the engine's own type; null for any other train. */
  public @Nullable Object origin() {
    return origin;
  }

  public void origin(@Nullable Object newOrigin) {
    origin = newOrigin;
  }

  /**
   * The engine's data for enciphering a train whose counters are reserved; null for any other
   * train.
   */
  public @Nullable Object reservation() {
    return reservation;
  }

  public void reservation(@Nullable Object newReservation) {
    reservation = newReservation;
  }
}
