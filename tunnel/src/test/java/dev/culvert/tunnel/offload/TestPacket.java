// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A TCP or UDP packet as plain fields, and the slow and obvious way from there to bytes. Shares no
 * code with the classes under test.
 *
 * @param v4 IPv4, else IPv6
 * @param tcp TCP, else UDP
 * @param tos DSCP and ECN
 * @param label the IPv6 flow label
 * @param id the IPv4 id
 * @param fragment the IPv4 flags and fragment offset
 * @param ttl or the hop limit
 * @param host tells one flow's addresses from another's
 * @param port the source port
 * @param sequence TCP's
 * @param acknowledgement TCP's
 * @param flags TCP's
 * @param window TCP's
 * @param ipOptions IPv4 options, a multiple of 4 bytes
 * @param extensions IPv6 destination options headers, each 8 bytes
 * @param tcpOptions a multiple of 4 bytes
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared as values.
record TestPacket(
    boolean v4,
    boolean tcp,
    int tos,
    int label,
    int id,
    int fragment,
    int ttl,
    int host,
    int port,
    int sequence,
    int acknowledgement,
    int flags,
    int window,
    byte[] ipOptions,
    int extensions,
    byte[] tcpOptions,
    byte[] payload) {

  static TestPacket of(boolean v4, boolean tcp, byte[] payload) {
    byte[] none = {};
    return new TestPacket(
        v4,
        tcp,
        0,
        0x12345,
        0xfffe,
        0,
        64,
        1,
        4242,
        0xfffffff0,
        77,
        0x10,
        512,
        none,
        0,
        none,
        payload);
  }

  static TestPacket random(Random random, int payloadLength) {
    boolean v4 = random.nextBoolean();
    return new TestPacket(
        v4,
        random.nextInt(3) > 0,
        random.nextInt(256),
        random.nextInt(1 << 20),
        random.nextInt(1 << 16),
        random.nextBoolean() ? 0x4000 : 0,
        1 + random.nextInt(255),
        random.nextInt(256),
        random.nextInt(1 << 16),
        random.nextInt(),
        random.nextInt(),
        0x10 | (random.nextInt(256) & ~0x06),
        random.nextInt(1 << 16),
        bytes(random, v4 && random.nextBoolean() ? 4 * random.nextInt(11) : 0),
        !v4 && random.nextBoolean() ? random.nextInt(4) : 0,
        bytes(random, 4 * random.nextInt(11)),
        bytes(random, payloadLength));
  }

  static byte[] bytes(Random random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  /** The packet as a kernel with no offload sends it. */
  byte[] toBytes() {
    byte[] packet = withoutTransportChecksum();
    int at = ipLength() + (tcp ? 16 : 6);
    byte[] segment = Arrays.copyOfRange(packet, ipLength(), packet.length);
    int checksum = ~naiveSum(pseudoHeader(segment.length), segment) & 0xffff;
    put16(packet, at, !tcp && checksum == 0 ? 0xffff : checksum);
    return packet;
  }

  /** A virtio-net header and the packet, its checksum left to do; {@code gsoSize} 0: no GSO. */
  byte[] toOffloaded(int gsoSize) {
    byte[] packet = withoutTransportChecksum();
    int segmentLength = packet.length - ipLength();
    put16(packet, ipLength() + (tcp ? 16 : 6), naiveSum(pseudoHeader(segmentLength)));
    int type = gsoSize == 0 ? 0 : !tcp ? 5 : v4 ? 1 : 4;
    byte[] vnet = vnet(1, type, headersLength(), gsoSize, ipLength(), tcp ? 16 : 6);
    return concat(vnet, packet);
  }

  /** The reference segmenter: every segment is a packet of its own, made from its fields. */
  List<TestPacket> split(int segmentSize) {
    List<TestPacket> segments = new ArrayList<>();
    int count = Math.max(1, (payload.length + segmentSize - 1) / segmentSize);
    for (int i = 0; i < count; i++) {
      int from = i * segmentSize;
      int to = Math.min(payload.length, from + segmentSize);
      int segmentFlags = flags;
      if (i > 0) {
        segmentFlags &= ~0x80;
      }
      if (i < count - 1) {
        segmentFlags &= ~0x09;
      }
      segments.add(
          withPayload(Arrays.copyOfRange(payload, from, to))
              .withId(id + i & 0xffff)
              .withSequence(sequence + from)
              .withFlags(segmentFlags));
    }
    return segments;
  }

  int ipLength() {
    return v4 ? 20 + ipOptions.length : 40 + 8 * extensions;
  }

  int headersLength() {
    return ipLength() + (tcp ? 20 + tcpOptions.length : 8);
  }

  private byte[] withoutTransportChecksum() {
    ByteBuffer out = ByteBuffer.allocate(headersLength() + payload.length);
    if (v4) {
      out.put((byte) (0x45 + ipOptions.length / 4)).put((byte) tos);
      out.putShort((short) out.capacity()).putShort((short) id).putShort((short) fragment);
      out.put((byte) ttl).put((byte) (tcp ? 6 : 17)).putShort((short) 0);
      out.put(source()).put(destination()).put(ipOptions);
      int checksum = ~naiveSum(Arrays.copyOf(out.array(), ipLength())) & 0xffff;
      out.putShort(10, (short) checksum);
    } else {
      out.putInt(6 << 28 | tos << 20 | label);
      out.putShort((short) (out.capacity() - 40));
      out.put((byte) (extensions > 0 ? 60 : tcp ? 6 : 17)).put((byte) ttl);
      out.put(source()).put(destination());
      for (int i = 1; i <= extensions; i++) {
        out.put((byte) (i < extensions ? 60 : tcp ? 6 : 17)).put(new byte[] {0, 1, 4, 0, 0, 0, 0});
      }
    }
    out.putShort((short) port).putShort((short) 5001);
    if (tcp) {
      out.putInt(sequence).putInt(acknowledgement);
      out.put((byte) ((5 + tcpOptions.length / 4) << 4)).put((byte) flags);
      out.putShort((short) window).putInt(0).put(tcpOptions);
    } else {
      out.putShort((short) (8 + payload.length)).putShort((short) 0);
    }
    return out.put(payload).array();
  }

  byte[] source() {
    return v4
        ? new byte[] {10, 1, 0, (byte) host}
        : new byte[] {(byte) 0xfd, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, (byte) host};
  }

  byte[] destination() {
    return v4
        ? new byte[] {10, 2, (byte) 200, 3}
        : new byte[] {(byte) 0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte) 0xff, 0, 0, 3};
  }

  private byte[] pseudoHeader(int segmentLength) {
    ByteBuffer out = ByteBuffer.allocate(40);
    out.put(source()).put(destination()).putInt(segmentLength).putInt(tcp ? 6 : 17);
    return Arrays.copyOf(out.array(), out.position());
  }

  static byte[] vnet(int flags, int type, int headers, int size, int start, int offset) {
    ByteBuffer out = ByteBuffer.allocate(10).order(ByteOrder.nativeOrder());
    out.put((byte) flags).put((byte) type).putShort((short) headers).putShort((short) size);
    return out.putShort((short) start).putShort((short) offset).array();
  }

  /** RFC 1071, word for word; an odd piece is padded with a zero. */
  static int naiveSum(byte[]... pieces) {
    long sum = 0;
    for (byte[] piece : pieces) {
      for (int i = 0; i < piece.length; i++) {
        sum += (long) (piece[i] & 0xff) << (i % 2 == 0 ? 8 : 0);
      }
    }
    while (sum >>> 16 != 0) {
      sum = (sum >>> 16) + (sum & 0xffff);
    }
    return (int) sum;
  }

  static void put16(byte[] bytes, int at, int value) {
    bytes[at] = (byte) (value >>> 8);
    bytes[at + 1] = (byte) value;
  }

  static byte[] concat(byte[] a, byte[] b) {
    byte[] both = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, both, a.length, b.length);
    return both;
  }

  /** Native memory of just these bytes: a read beside them throws. */
  static MemorySegment inMemory(Arena arena, byte[] bytes) {
    return arena.allocate(bytes.length, 8).copyFrom(MemorySegment.ofArray(bytes));
  }

  TestPacket withTos(int value) {
    return new TestPacket(
        v4,
        tcp,
        value,
        label,
        id,
        fragment,
        ttl,
        host,
        port,
        sequence,
        acknowledgement,
        flags,
        window,
        ipOptions,
        extensions,
        tcpOptions,
        payload);
  }

  TestPacket withLabel(int value) {
    return new TestPacket(
        v4,
        tcp,
        tos,
        value,
        id,
        fragment,
        ttl,
        host,
        port,
        sequence,
        acknowledgement,
        flags,
        window,
        ipOptions,
        extensions,
        tcpOptions,
        payload);
  }

  TestPacket withId(int value) {
    return new TestPacket(
        v4,
        tcp,
        tos,
        label,
        value,
        fragment,
        ttl,
        host,
        port,
        sequence,
        acknowledgement,
        flags,
        window,
        ipOptions,
        extensions,
        tcpOptions,
        payload);
  }

  TestPacket withFragment(int value) {
    return new TestPacket(
        v4,
        tcp,
        tos,
        label,
        id,
        value,
        ttl,
        host,
        port,
        sequence,
        acknowledgement,
        flags,
        window,
        ipOptions,
        extensions,
        tcpOptions,
        payload);
  }

  TestPacket withTtl(int value) {
    return new TestPacket(
        v4,
        tcp,
        tos,
        label,
        id,
        fragment,
        value,
        host,
        port,
        sequence,
        acknowledgement,
        flags,
        window,
        ipOptions,
        extensions,
        tcpOptions,
        payload);
  }

  TestPacket withHost(int value) {
    return new TestPacket(
        v4,
        tcp,
        tos,
        label,
        id,
        fragment,
        ttl,
        value,
        port,
        sequence,
        acknowledgement,
        flags,
        window,
        ipOptions,
        extensions,
        tcpOptions,
        payload);
  }

  TestPacket withPort(int value) {
    return new TestPacket(
        v4,
        tcp,
        tos,
        label,
        id,
        fragment,
        ttl,
        host,
        value,
        sequence,
        acknowledgement,
        flags,
        window,
        ipOptions,
        extensions,
        tcpOptions,
        payload);
  }

  TestPacket withSequence(int value) {
    return new TestPacket(
        v4,
        tcp,
        tos,
        label,
        id,
        fragment,
        ttl,
        host,
        port,
        value,
        acknowledgement,
        flags,
        window,
        ipOptions,
        extensions,
        tcpOptions,
        payload);
  }

  TestPacket withAcknowledgement(int value) {
    return new TestPacket(
        v4,
        tcp,
        tos,
        label,
        id,
        fragment,
        ttl,
        host,
        port,
        sequence,
        value,
        flags,
        window,
        ipOptions,
        extensions,
        tcpOptions,
        payload);
  }

  TestPacket withFlags(int value) {
    return new TestPacket(
        v4,
        tcp,
        tos,
        label,
        id,
        fragment,
        ttl,
        host,
        port,
        sequence,
        acknowledgement,
        value,
        window,
        ipOptions,
        extensions,
        tcpOptions,
        payload);
  }

  TestPacket withWindow(int value) {
    return new TestPacket(
        v4,
        tcp,
        tos,
        label,
        id,
        fragment,
        ttl,
        host,
        port,
        sequence,
        acknowledgement,
        flags,
        value,
        ipOptions,
        extensions,
        tcpOptions,
        payload);
  }

  TestPacket withIpOptions(byte[] value) {
    return new TestPacket(
        v4,
        tcp,
        tos,
        label,
        id,
        fragment,
        ttl,
        host,
        port,
        sequence,
        acknowledgement,
        flags,
        window,
        value,
        extensions,
        tcpOptions,
        payload);
  }

  TestPacket withExtensions(int value) {
    return new TestPacket(
        v4,
        tcp,
        tos,
        label,
        id,
        fragment,
        ttl,
        host,
        port,
        sequence,
        acknowledgement,
        flags,
        window,
        ipOptions,
        value,
        tcpOptions,
        payload);
  }

  TestPacket withTcpOptions(byte[] value) {
    return new TestPacket(
        v4,
        tcp,
        tos,
        label,
        id,
        fragment,
        ttl,
        host,
        port,
        sequence,
        acknowledgement,
        flags,
        window,
        ipOptions,
        extensions,
        value,
        payload);
  }

  TestPacket withPayload(byte[] value) {
    return new TestPacket(
        v4,
        tcp,
        tos,
        label,
        id,
        fragment,
        ttl,
        host,
        port,
        sequence,
        acknowledgement,
        flags,
        window,
        ipOptions,
        extensions,
        tcpOptions,
        value);
  }
}
