// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.net;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * Reads a capture in the classic pcap format, in either byte order: a header of 24 bytes, then each
 * packet behind 16 bytes that hold two words of time, the length kept and the length on the wire.
 */
public final class PcapReader implements AutoCloseable {
  private static final int MAGIC_MICROSECONDS = 0xa1b2c3d4;
  private static final int MAGIC_NANOSECONDS = 0xa1b23c4d;
  private static final int FILE_HEADER = 24;
  private static final int PACKET_HEADER = 16;
  private static final int KEPT_LENGTH = 8;
  private static final int MAX_PACKET = 1 << 20;

  private final DataInputStream in;
  private @Nullable ByteOrder order;

  public PcapReader(InputStream in) {
    this.in = new DataInputStream(new BufferedInputStream(in, 1 << 20));
  }

  /** The next packet from its link header on, or null at the end. */
  public byte @Nullable [] next() throws IOException {
    ByteOrder order = this.order;
    if (order == null) {
      byte[] header = in.readNBytes(FILE_HEADER);
      if (header.length == 0) {
        return null;
      }
      order = orderOf(header);
      this.order = order;
    }
    byte[] header = in.readNBytes(PACKET_HEADER);
    if (header.length < PACKET_HEADER) {
      return null; // The writer was ended between packets, or within one, which is lost.
    }
    int length = ByteBuffer.wrap(header).order(order).getInt(KEPT_LENGTH);
    if (length < 0 || length > MAX_PACKET) {
      throw new IOException("not a pcap stream: a packet of " + length + " bytes");
    }
    byte[] packet = in.readNBytes(length);
    return packet.length < length ? null : packet;
  }

  private static ByteOrder orderOf(byte[] header) throws IOException {
    if (header.length < FILE_HEADER) {
      throw new EOFException("a pcap stream ends in its header");
    }
    for (ByteOrder order : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
      int magic = ByteBuffer.wrap(header).order(order).getInt(0);
      if (magic == MAGIC_MICROSECONDS || magic == MAGIC_NANOSECONDS) {
        return order;
      }
    }
    throw new IOException("not a pcap stream");
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
