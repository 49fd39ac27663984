// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.port.Wire.*;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.train.Fragmentation;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Trains that are sent in one call, and the result for each. The packets are not copied: their
 * memory must stay unchanged until {@link SocketPort#send} returns. One lane owns and reuses it:
 * {@link #clear}, {@link #add} each train, send, read the results.
 */
public final class SendBatch {
  /** Packet info 40, traffic class 24, segment size 24. */
  private static final int CONTROL_ROOM = 96;

  private final IpFamily family;
  private final int capacity;
  private final MemorySegment headers;
  private final MemorySegment iovecs;
  private final MemorySegment names;
  private final MemorySegment control;

  private final long[] addresses;
  private final int[] bytes;
  private final int[] segmentSizes;
  private final int[] tosBytes;
  private final Fragmentation[] fragmentations;
  private final @Nullable Endpoint[] to;
  private final int[] errnos;
  private final int[] failedPackets;
  private int count;

  /**
   * @param family the family of the socket that will send it
   * @param capacity the most trains in a batch
   * @param allocator of the headers, which outlive the batch
   */
  public SendBatch(IpFamily family, int capacity, SegmentAllocator allocator) {
    this.family = family;
    this.capacity = capacity;
    headers = allocator.allocate((long) capacity * MMSGHDR, 64);
    iovecs = allocator.allocate((long) capacity * IOVEC, 8);
    names = allocator.allocate((long) capacity * SOCKADDR_ROOM, 8);
    control = allocator.allocate((long) capacity * CONTROL_ROOM, 8);
    addresses = new long[capacity];
    bytes = new int[capacity];
    segmentSizes = new int[capacity];
    tosBytes = new int[capacity];
    fragmentations = new Fragmentation[capacity];
    to = new @Nullable Endpoint[capacity];
    errnos = new int[capacity];
    failedPackets = new int[capacity];
    for (int i = 0; i < capacity; i++) {
      long header = (long) i * MMSGHDR;
      headers.set(LONG, header + MSG_NAME, names.address() + (long) i * SOCKADDR_ROOM);
      headers.set(INT, header + MSG_NAMELEN, family.sockaddrLength());
      headers.set(LONG, header + MSG_IOV, iovecs.address() + (long) i * IOVEC);
      headers.set(LONG, header + MSG_IOVLEN, 1);
      headers.set(LONG, header + MSG_CONTROL, control.address() + (long) i * CONTROL_ROOM);
      names.set(SHORT, (long) i * SOCKADDR_ROOM, (short) family.number());
    }
  }

  public IpFamily family() {
    return family;
  }

  /** Forgets the trains. */
  public void clear() {
    Arrays.fill(to, 0, count, null);
    count = 0;
  }

  /** Adds a train that the kernel may fragment. */
  public boolean add(
      MemorySegment memory, long offset, int length, int segmentSize, Endpoint endpoint, int tos) {
    return add(memory, offset, length, segmentSize, endpoint, tos, Fragmentation.BY_KERNEL);
  }

  /**
   * Adds the train of datagrams that lie back to back in native {@code memory} from {@code offset}.
   *
   * @param length bytes of the whole train, up to 65,507 (65,527 over IPv6)
   * @param segmentSize bytes of each datagram except the last, which may be shorter; at most 64
   *     datagrams
   * @param endpoint the destination, of this batch's family
   * @param tos 0 to 255, for the outer header
   * @param fragmentation whether DF is set, for IPv4
   * @return false if the batch is full and has to be sent first
   */
  public boolean add(
      MemorySegment memory,
      long offset,
      int length,
      int segmentSize,
      Endpoint endpoint,
      int tos,
      Fragmentation fragmentation) {
    if (count == capacity) {
      return false;
    }
    if (IpFamily.of(endpoint.address()) != family) {
      throw new IllegalArgumentException("an endpoint of the other family in a batch of " + family);
    }
    if ((segmentSize < 1 && length > 0) || length < 0 || offset + length > memory.byteSize()) {
      throw new IllegalArgumentException(length + " bytes in datagrams of " + segmentSize);
    }
    int i = count;
    addresses[i] = memory.address() + offset;
    bytes[i] = length;
    segmentSizes[i] = segmentSize;
    tosBytes[i] = tos;
    fragmentations[i] = fragmentation;
    to[i] = endpoint;
    errnos[i] = 0;
    failedPackets[i] = 0;
    name(i, endpoint);
    whole(i, true);
    // Incremented last, so that a message that was written only in part is never sent.
    count++;
    return true;
  }

  public int count() {
    return count;
  }

  /** Datagrams in train {@code i}. */
  public int packets(int i) {
    return bytes[i] <= segmentSizes[i] ? 1 : (bytes[i] + segmentSizes[i] - 1) / segmentSizes[i];
  }

  /** Whether the kernel took all of train {@code i}. */
  public boolean sent(int i) {
    return failedPackets[i] == 0;
  }

  /** Datagrams of train {@code i} that the kernel did not take. */
  public int failedPackets(int i) {
    return failedPackets[i];
  }

  /** The errno of the latest failure of train {@code i}, or 0 if it was sent. */
  public int errno(int i) {
    return errnos[i];
  }

  /** Bytes of train {@code i}. */
  public int bytes(int i) {
    return bytes[i];
  }

  /** The destination of train {@code i}. */
  public Endpoint to(int i) {
    Endpoint endpoint = to[i];
    if (endpoint == null) {
      throw new IndexOutOfBoundsException(i);
    }
    return endpoint;
  }

  Fragmentation fragmentation(int i) {
    return fragmentations[i];
  }

  /**
   * Leaves out the trains' ports, for raw sockets, whose port field the kernel reads as a protocol.
   */
  void withoutPorts() {
    for (int i = 0; i < count; i++) {
      names.set(NET_SHORT, (long) i * SOCKADDR_ROOM + SOCKADDR_PORT, (short) 0);
    }
  }

  /** Makes this batch the packets of train {@code i} of another, each a train of its own. */
  void packetsOf(SendBatch other, int i, boolean withSource) {
    clear();
    Endpoint endpoint = withSource ? other.to(i) : other.to(i).withoutSource();
    count = other.packets(i);
    for (int packet = 0; packet < count; packet++) {
      int from = packet * other.segmentSizes[i];
      addresses[packet] = other.addresses[i] + from;
      bytes[packet] = Math.min(other.segmentSizes[i], other.bytes[i] - from);
      segmentSizes[packet] = bytes[packet];
      tosBytes[packet] = other.tosBytes[i];
      to[packet] = endpoint;
      MemorySegment.copy(
          other.names,
          (long) i * SOCKADDR_ROOM,
          names,
          (long) packet * SOCKADDR_ROOM,
          SOCKADDR_ROOM);
      whole(packet, true);
    }
  }

  long headerAddress(int i) {
    return headers.address() + (long) i * MMSGHDR;
  }

  boolean hasSource(int i) {
    return source(i) != null;
  }

  void failed(int i, int packets, int errno) {
    failedPackets[i] += packets;
    errnos[i] = errno;
  }

  /** Sets message {@code i} up as the whole train, in one datagram or a run of them. */
  void whole(int i, boolean withSource) {
    iovec(i, addresses[i], bytes[i]);
    control(i, withSource, bytes[i] > segmentSizes[i]);
  }

  private void iovec(int i, long address, int length) {
    iovecs.set(LONG, (long) i * IOVEC + IOV_BASE, address);
    iovecs.set(LONG, (long) i * IOVEC + IOV_LEN, length);
  }

  private void name(int i, Endpoint endpoint) {
    long name = (long) i * SOCKADDR_ROOM;
    IpAddress address = endpoint.address();
    names.set(NET_SHORT, name + SOCKADDR_PORT, (short) endpoint.port());
    if (family == IpFamily.V4) {
      names.set(NET_INT, name + SOCKADDR_V4_ADDRESS, (int) address.low());
    } else {
      names.set(INT, name + SOCKADDR_V6_FLOW, 0);
      names.set(NET_LONG, name + SOCKADDR_V6_ADDRESS, address.high());
      names.set(NET_LONG, name + SOCKADDR_V6_ADDRESS + 8, address.low());
      names.set(INT, name + SOCKADDR_V6_SCOPE, endpoint.scope());
    }
  }

  private @Nullable IpAddress source(int i) {
    IpAddress source = to(i).source();
    return source != null && IpFamily.of(source) == family ? source : null;
  }

  private void control(int i, boolean withSource, boolean segmented) {
    long start = (long) i * CONTROL_ROOM;
    long at = start;
    IpAddress source = withSource ? source(i) : null;
    if (source != null) {
      at = packetInfo(at, source, to(i).sourceInterface());
    }
    if (segmented) {
      control.set(SHORT, at + CMSG_DATA, (short) segmentSizes[i]);
      at = cmsg(at, SOL_UDP, UDP_SEGMENT, 2);
    }
    if (tosBytes[i] != 0) {
      control.set(INT, at + CMSG_DATA, tosBytes[i]);
      at = family == IpFamily.V4 ? cmsg(at, SOL_IP, IP_TOS, 4) : cmsg(at, SOL_IPV6, IPV6_TCLASS, 4);
    }
    headers.set(LONG, (long) i * MMSGHDR + MSG_CONTROLLEN, at - start);
  }

  /**
   * Sets the source. An interface would bind the packet to it, past all routes, so it is set only
   * for link-local addresses, which are ambiguous without it.
   */
  private long packetInfo(long at, IpAddress source, int sourceInterface) {
    long data = at + CMSG_DATA;
    if (family == IpFamily.V4) {
      control.set(INT, data, 0);
      control.set(NET_INT, data + 4, (int) source.low());
      control.set(INT, data + 8, 0);
      return cmsg(at, SOL_IP, IP_PKTINFO, 12);
    }
    control.set(NET_LONG, data, source.high());
    control.set(NET_LONG, data + 8, source.low());
    control.set(INT, data + 16, source.isLinkLocalV6() ? sourceInterface : 0);
    return cmsg(at, SOL_IPV6, IPV6_PKTINFO, 20);
  }

  private long cmsg(long at, int level, int type, int data) {
    control.set(LONG, at, CMSG_DATA + data);
    control.set(INT, at + CMSG_LEVEL, level);
    control.set(INT, at + CMSG_TYPE, type);
    return at + cmsgSpace(data);
  }
}
