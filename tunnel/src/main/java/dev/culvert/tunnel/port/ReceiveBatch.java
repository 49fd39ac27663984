// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.port.Wire.*;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.culvert.tunnel.engine.DatagramSource;
import dev.culvert.tunnel.kernel.LibC;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.security.SecureRandom;

/**
 * The messages of one {@link SocketPort#receive} call: up to {@link #slots}, each a run of
 * datagrams of one flow. One lane owns and reuses it, for both families.
 */
public final class ReceiveBatch {
  /** Packet info 40, traffic class 24, segment size 24, and slack. */
  private static final int CONTROL_ROOM = 128;

  private final int slots;
  private final MemorySegment memory;
  private final MemorySegment headers;
  private final MemorySegment names;
  private final MemorySegment control;
  private final EndpointCache endpoints = new EndpointCache(new SecureRandom().nextLong());

  private final int[] starts;
  private final int[] lengths;
  private final int[] segmentSizes;
  private final int[] ecns;
  private final ReceivedFrom[] from;
  private int count;

  /**
   * @param slots most messages of one receive call
   * @param allocator of the memory, {@link Train#BUFFER_BYTES} per slot, which outlives the batch
   */
  public ReceiveBatch(int slots, SegmentAllocator allocator) {
    this.slots = slots;
    memory = allocator.allocate((long) slots * Train.BUFFER_BYTES, 4096);
    headers = allocator.allocate((long) slots * MMSGHDR, 64);
    names = allocator.allocate((long) slots * SOCKADDR_ROOM, 8);
    control = allocator.allocate((long) slots * CONTROL_ROOM, 8);
    MemorySegment iovecs = allocator.allocate((long) slots * IOVEC, 8);
    starts = new int[slots];
    lengths = new int[slots];
    segmentSizes = new int[slots];
    ecns = new int[slots];
    from = new ReceivedFrom[slots];
    for (int i = 0; i < slots; i++) {
      from[i] = new ReceivedFrom(endpoints);
      long header = (long) i * MMSGHDR;
      iovecs.set(LONG, (long) i * IOVEC + IOV_BASE, memory.address() + slot(i));
      iovecs.set(LONG, (long) i * IOVEC + IOV_LEN, Train.BUFFER_BYTES);
      headers.set(LONG, header + MSG_NAME, names.address() + (long) i * SOCKADDR_ROOM);
      headers.set(LONG, header + MSG_IOV, iovecs.address() + (long) i * IOVEC);
      headers.set(LONG, header + MSG_IOVLEN, 1);
      headers.set(LONG, header + MSG_CONTROL, control.address() + (long) i * CONTROL_ROOM);
    }
  }

  public int slots() {
    return slots;
  }

  /** Messages that the latest receive call brought. */
  public int count() {
    return count;
  }

  /** Datagrams in all messages of the latest receive call, without empty ones. */
  public int packets() {
    int packets = 0;
    for (int i = 0; i < count; i++) {
      packets += packets(i);
    }
    return packets;
  }

  /** Datagrams in message {@code i}, 0 for an empty one. */
  public int packets(int i) {
    return lengths[i] == 0 ? 0 : (lengths[i] + segmentSizes[i] - 1) / segmentSizes[i];
  }

  /** The memory of all messages. */
  public MemorySegment memory() {
    return memory;
  }

  /** Offset of message {@code i} in {@link #memory}. */
  public long offset(int i) {
    return slot(i) + starts[i];
  }

  private static long slot(int i) {
    return (long) i * Train.BUFFER_BYTES;
  }

  /** Bytes of message {@code i}, 0 to {@link Train#BUFFER_BYTES}. */
  public int length(int i) {
    return lengths[i];
  }

  /**
   * Bytes of each datagram in message {@code i}, except the last, which may be shorter; equal to
   * the length if the message is one datagram. 0 only for an empty datagram.
   */
  public int segmentSize(int i) {
    return segmentSizes[i];
  }

  /** The outer ECN field of message {@code i}, 0 to 3. */
  public int ecn(int i) {
    return ecns[i];
  }

  /**
   * Whether message {@code i} is whole and can be answered. It is not if it was larger than its
   * slot, or sent from port 0 or an IPv4-mapped address, as only forged packets are. The caller
   * must drop such a message.
   */
  public boolean usable(int i) {
    return from[i].usable();
  }

  /**
   * The sender of message {@code i}, with the local address and interface that it came to. Valid
   * until the next receive call; the addresses in it stay valid.
   */
  public DatagramSource source(int i) {
    if (!usable(i)) {
      throw new IllegalStateException("message " + i + " is not usable");
    }
    return from[i];
  }

  long headersAddress() {
    return headers.address();
  }

  /** Resets the lengths in the headers, since the kernel overwrites them in every call. */
  void prepare(IpFamily family) {
    for (int i = 0; i < slots; i++) {
      headers.set(INT, (long) i * MMSGHDR + MSG_NAMELEN, family.sockaddrLength());
      headers.set(LONG, (long) i * MMSGHDR + MSG_CONTROLLEN, CONTROL_ROOM);
    }
    count = 0;
  }

  void received(IpFamily family, int messages) {
    for (int i = 0; i < messages; i++) {
      parse(family, i);
    }
    count = messages;
  }

  /**
   * Reads the messages of a raw socket: those of IPv4 begin with the IP header, and there are no
   * ports.
   *
   * @param port the source port to give to the messages
   */
  void receivedRaw(IpFamily family, int messages, int port) {
    for (int i = 0; i < messages; i++) {
      names.set(NET_SHORT, (long) i * SOCKADDR_ROOM + SOCKADDR_PORT, (short) port);
      parse(family, i);
      if (family == IpFamily.V4) {
        skipHeader(i);
      }
    }
    count = messages;
  }

  private void skipHeader(int i) {
    int header = lengths[i] == 0 ? 0 : (memory.get(JAVA_BYTE, slot(i)) & 0xf) * 4;
    starts[i] = Math.min(header, lengths[i]);
    lengths[i] -= starts[i];
    segmentSizes[i] = lengths[i];
  }

  private void parse(IpFamily family, int i) {
    long header = (long) i * MMSGHDR;
    starts[i] = 0;
    lengths[i] = headers.get(INT, header + MSG_LEN);
    segmentSizes[i] = lengths[i];
    ecns[i] = 0;
    from[i].cameTo(0, 0, 0);
    parseControl(i, (int) headers.get(LONG, header + MSG_CONTROLLEN));
    boolean truncated = (headers.get(INT, header + MSG_FLAGS) & LibC.MSG_TRUNC) != 0;
    sender(from[i], family, truncated, (long) i * SOCKADDR_ROOM);
  }

  private void sender(ReceivedFrom sender, IpFamily family, boolean truncated, long name) {
    int port = truncated ? 0 : names.get(NET_SHORT, name + SOCKADDR_PORT) & 0xffff;
    if (family == IpFamily.V4) {
      sender.sentBy(family, 0, names.get(NET_INT, name + SOCKADDR_V4_ADDRESS) & 0xffff_ffffL, port);
    } else {
      sender.sentBy(
          family,
          names.get(NET_LONG, name + SOCKADDR_V6_ADDRESS),
          names.get(NET_LONG, name + SOCKADDR_V6_ADDRESS + 8),
          port);
      sender.scope(names.get(INT, name + SOCKADDR_V6_SCOPE));
    }
  }

  private void parseControl(int i, int bytes) {
    long at = (long) i * CONTROL_ROOM;
    long end = at + bytes;
    while (at + CMSG_DATA <= end) {
      long length = control.get(LONG, at);
      if (length < CMSG_DATA || at + length > end) {
        return;
      }
      int level = control.get(INT, at + CMSG_LEVEL);
      int type = control.get(INT, at + CMSG_TYPE);
      long data = at + CMSG_DATA;
      if (level == SOL_UDP && type == UDP_GRO) {
        int size = control.get(INT, data);
        if (size > 0 && size < lengths[i]) {
          segmentSizes[i] = size;
        }
      } else if (level == SOL_IP && type == IP_TOS) {
        ecns[i] = control.get(JAVA_BYTE, data) & 3;
      } else if (level == SOL_IPV6 && type == IPV6_TCLASS) {
        ecns[i] = control.get(INT, data) & 3;
      } else if (level == SOL_IP && type == IP_PKTINFO) {
        long local = control.get(NET_INT, data + 4) & 0xffff_ffffL;
        from[i].cameTo(0, local, control.get(INT, data));
      } else if (level == SOL_IPV6 && type == IPV6_PKTINFO) {
        from[i].cameTo(
            control.get(NET_LONG, data),
            control.get(NET_LONG, data + 8),
            control.get(INT, data + 16));
      }
      at += length + 7 & ~7L;
    }
  }
}
