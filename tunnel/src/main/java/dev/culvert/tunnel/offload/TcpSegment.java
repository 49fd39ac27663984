// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import dev.culvert.routing.IpProtocol;
import dev.culvert.tunnel.engine.NetworkOrder;
import java.lang.foreign.MemorySegment;

/**
 * The flow, the numbers and the acknowledgement of one TCP segment (RFC 9293, RFC 2018). A
 * flyweight: reused for every packet, so nothing is allocated.
 */
public final class TcpSegment {
  private static final int OPTION_END = 0;
  private static final int OPTION_NONE = 1;
  private static final int OPTION_SACK = 5;

  private final InnerPacket ip = new InnerPacket();
  private final TransportHeader transport = new TransportHeader();
  private int sequence;
  private int acknowledgement;
  private boolean acknowledges;
  private boolean selective;
  private int payload;

  /**
   * Reads the packet of {@code length} bytes at {@code at}.
   *
   * @return false if it is no whole TCP segment; the fields are undefined then
   */
  public boolean read(MemorySegment memory, long at, int length) {
    if (!ip.read(memory, at, length)
        || transport.read(memory, at, ip) != null
        || transport.protocol() != IpProtocol.TCP
        || transport.fragment()) {
      return false;
    }
    long tcp = at + transport.offset();
    int bytes = ip.length() - transport.offset();
    if (bytes < TcpHeader.MIN) {
      return false;
    }
    int header = (NetworkOrder.u8(memory, tcp + TcpHeader.DATA_OFFSET) >>> 4) * 4;
    if (header < TcpHeader.MIN || header > bytes) {
      return false;
    }
    sequence = NetworkOrder.i32(memory, tcp + TcpHeader.SEQUENCE);
    acknowledgement = NetworkOrder.i32(memory, tcp + TcpHeader.ACKNOWLEDGEMENT);
    acknowledges = (NetworkOrder.u8(memory, tcp + TcpHeader.FLAGS) & TcpHeader.ACK) != 0;
    payload = bytes - header;
    selective = header > TcpHeader.MIN && hasSack(memory, tcp + TcpHeader.MIN, tcp + header);
    return true;
  }

  private static boolean hasSack(MemorySegment memory, long from, long end) {
    long at = from;
    while (at < end) {
      int kind = NetworkOrder.u8(memory, at);
      if (kind == OPTION_SACK) {
        return true;
      }
      if (kind == OPTION_END || (kind != OPTION_NONE && at + 1 >= end)) {
        return false;
      }
      int length = kind == OPTION_NONE ? 1 : NetworkOrder.u8(memory, at + 1);
      if (length == 0) {
        return false;
      }
      at += length;
    }
    return false;
  }

  /** The number of the first byte of the payload. */
  public int sequence() {
    return sequence;
  }

  /** The number of the byte that the sender expects next, if it {@link #acknowledges}. */
  public int acknowledgement() {
    return acknowledgement;
  }

  public boolean acknowledges() {
    return acknowledges;
  }

  /** Whether it names ranges that arrived behind a gap (SACK). */
  public boolean selective() {
    return selective;
  }

  /** Bytes of data. */
  public int payload() {
    return payload;
  }

  public long sourceHigh() {
    return ip.sourceHigh();
  }

  public long sourceLow() {
    return ip.sourceLow();
  }

  public long destinationHigh() {
    return ip.destinationHigh();
  }

  public long destinationLow() {
    return ip.destinationLow();
  }

  /** Both ports: the source in the upper 16 bits, the destination in the lower. */
  public int ports() {
    return transport.sourcePort() << 16 | transport.destinationPort();
  }
}
