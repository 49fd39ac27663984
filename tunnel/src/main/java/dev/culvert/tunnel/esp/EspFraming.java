// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The layout of a packet (RFC 4303 section 2, RFC 4106) and of its trailer. */
final class EspFraming {
  static final int SPI = 0;
  static final int SEQUENCE = 4;
  static final int IV = 8;
  static final int HEADER = 16;

  /** Pad length and next header, behind the padding. */
  static final int TRAILER = 2;

  static final int ALIGNMENT = 4;
  static final int ICV = 16;
  static final int OVERHEAD = HEADER + ICV;

  /** The shortest packet: an empty dummy. */
  static final int MIN_LENGTH = OVERHEAD + ALIGNMENT;

  /** SPI and sequence number, authenticated in place. */
  static final int AAD = 8;

  /** SPI and all 64 bits of the sequence number, of which packets carry the lower half. */
  static final int AAD_ESN = 12;

  static final int NEXT_IPV4 = 4;
  static final int NEXT_IPV6 = 41;
  static final int NEXT_NONE = 59;

  /** Four zero bytes in place of ESP's SPI: not ESP (RFC 3948 section 2.2). */
  static final int NON_ESP_MARKER = 0;

  static final int MARKER_LENGTH = 4;
  static final byte NAT_KEEPALIVE = (byte) 0xff;

  static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private EspFraming() {}

  /**
   * Bytes that are enciphered for an inner packet of {@code length} bytes: with padding and
   * trailer.
   */
  static int paddedLength(int length) {
    return (length + TRAILER + ALIGNMENT - 1) & -ALIGNMENT;
  }

  /** Whether an ESP packet may have this length. */
  static boolean isPossibleLength(int length) {
    return length >= MIN_LENGTH && length % ALIGNMENT == 0;
  }

  /** Writes the header. The IV is the sequence number, which makes it unique. */
  static void putHeader(MemorySegment memory, long at, int spi, long sequence) {
    memory.set(INT, at + SPI, spi);
    memory.set(INT, at + SEQUENCE, (int) sequence);
    memory.set(LONG, at + IV, sequence);
  }

  /**
   * Writes the associated data of an ESN packet in place of its header. This overwrites the IV,
   * which the cipher gets as a counter.
   */
  static void putEsnAad(MemorySegment memory, long at, int spi, long sequence) {
    memory.set(INT, at + SPI, spi);
    memory.set(LONG, at + SEQUENCE, sequence);
  }

  /**
   * Writes padding 1, 2, 3..., its length and the next header behind an inner packet.
   *
   * @param end offset of the end of pad length and next header
   */
  static void putTrailer(MemorySegment memory, long packetEnd, long end, int nextHeader) {
    int padding = (int) (end - packetEnd) - TRAILER;
    for (int i = 0; i < padding; i++) {
      memory.set(ValueLayout.JAVA_BYTE, packetEnd + i, (byte) (i + 1));
    }
    memory.set(ValueLayout.JAVA_BYTE, end - 2, (byte) padding);
    memory.set(ValueLayout.JAVA_BYTE, end - 1, (byte) nextHeader);
  }

  static int nextHeader(MemorySegment memory, long end) {
    return memory.get(ValueLayout.JAVA_BYTE, end - 1) & 0xff;
  }

  /**
   * Bytes between {@code at} and the padding of an opened packet.
   *
   * @return -1 if the padding is not that of RFC 4303 section 2.4, or is longer than the packet
   */
  static int payloadLength(MemorySegment memory, long at, long end) {
    int padding = memory.get(ValueLayout.JAVA_BYTE, end - 2) & 0xff;
    long payload = end - at - TRAILER - padding;
    if (payload < 0) {
      return -1;
    }
    for (int i = 0; i < padding; i++) {
      if ((memory.get(ValueLayout.JAVA_BYTE, at + payload + i) & 0xff) != i + 1) {
        return -1;
      }
    }
    return (int) payload;
  }
}
