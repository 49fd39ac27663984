// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.offload.Checksum;
import dev.culvert.tunnel.offload.VnetHeader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** UDP packets with a marker and a running number in each, as a TUN device hands them over. */
public final class NumberedPackets {
  /** In every packet; never on the wire. */
  static final byte[] MARKER = "never in clear on the wire".getBytes(US_ASCII);

  static final int PAYLOAD = 200;
  static final int PORT = 5001;
  private static final int HEADERS = 28;
  private static final int UDP = 17;
  private static final ValueLayout.OfShort NATIVE_SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private NumberedPackets() {}

  /**
   * A super-packet from node {@code from} to node {@code to} of {@code packets} packets, numbered
   * from {@code first} on; with its virtio-net header.
   */
  public static MemorySegment superPacket(int from, int to, int first, int packets) {
    return superPacket(host(from), host(to), PORT, first, packets);
  }

  private static IpAddress host(int node) {
    return IpAddress.ofV4(10 << 24 | node << 8 | 1);
  }

  /** The same between addresses of either family, to a UDP port. */
  public static MemorySegment superPacket(
      IpAddress from, IpAddress to, int port, int first, int packets) {
    boolean v4 = from.v4();
    int ipHeader = v4 ? 20 : 40;
    int udpLength = 8 + packets * PAYLOAD;
    ByteBuffer out = ByteBuffer.allocate(VnetHeader.SIZE + ipHeader + udpLength);
    out.position(VnetHeader.SIZE);
    if (v4) {
      out.putShort((short) 0x4500).putShort((short) (20 + udpLength)).putInt(0x4000);
      out.put((byte) 64).put((byte) UDP).putShort((short) 0);
    } else {
      out.putInt(6 << 28).putShort((short) udpLength).put((byte) UDP).put((byte) 64);
    }
    out.put(from.toBytes()).put(to.toBytes());
    out.putShort((short) 4242).putShort((short) port).putShort((short) udpLength);
    out.putShort((short) 0);
    for (int i = 0; i < packets; i++) {
      out.put(payload(first + i));
    }
    MemorySegment packet = Arena.ofAuto().allocate(out.capacity(), 8);
    packet.copyFrom(MemorySegment.ofArray(out.array()));
    int ip = VnetHeader.SIZE;
    long pseudoHeader =
        v4
            ? Checksum.pseudoHeader4(packet, ip, UDP, udpLength)
            : Checksum.pseudoHeader6(packet, ip, UDP, udpLength);
    packet.set(NATIVE_SHORT, ip + ipHeader + 6, (short) Checksum.fold(pseudoHeader));
    if (v4) {
      packet.set(NATIVE_SHORT, ip + 10, (short) ~Checksum.fold(Checksum.sum(packet, ip, 20)));
    }
    int type = packets == 1 ? VnetHeader.GSO_NONE : VnetHeader.GSO_UDP_L4;
    int segment = packets == 1 ? 0 : PAYLOAD;
    VnetHeader.put(packet, 0, VnetHeader.NEEDS_CSUM, type, ipHeader + 8, segment, ipHeader, 6);
    return packet;
  }

  /** The payload of packet {@code number}. */
  static byte[] payload(int number) {
    byte[] payload = new byte[PAYLOAD];
    Arrays.fill(payload, (byte) number);
    return ByteBuffer.wrap(payload).putInt(0, number).put(4, MARKER).array();
  }

  /** Which node a packet with its virtio-net header comes from. */
  static int sender(byte[] packet) {
    return packet[VnetHeader.SIZE + 14];
  }

  /** The number of a packet that was not merged. */
  static int number(byte[] packet) {
    return ByteBuffer.wrap(packet).getInt(VnetHeader.SIZE + HEADERS);
  }
}
