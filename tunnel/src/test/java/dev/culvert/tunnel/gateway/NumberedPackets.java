package dev.culvert.tunnel.gateway;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.culvert.tunnel.offload.Checksum;
import dev.culvert.tunnel.offload.VnetHeader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** UDP packets with a marker and a running number in each, as a TUN device hands them over. */
final class NumberedPackets {
  /** In every packet; never on the wire. */
  static final byte[] MARKER = "never in clear on the wire".getBytes(US_ASCII);

  static final int PAYLOAD = 200;
  private static final int HEADERS = 28;
  private static final ValueLayout.OfShort NATIVE_SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private NumberedPackets() {}

  /**
   * A super-packet from node {@code from} to node {@code to} of {@code packets} packets, numbered
   * from {@code first} on; with its virtio-net header.
   */
  static MemorySegment superPacket(int from, int to, int first, int packets) {
    int length = HEADERS + packets * PAYLOAD;
    ByteBuffer out = ByteBuffer.allocate(VnetHeader.SIZE + length);
    out.position(VnetHeader.SIZE);
    out.putShort((short) 0x4500).putShort((short) length).putInt(0x4000).put((byte) 64);
    out.put((byte) 17).putShort((short) 0);
    out.put(new byte[] {10, 0, (byte) from, 1}).put(new byte[] {10, 0, (byte) to, 1});
    out.putShort((short) 4242).putShort((short) 5001).putShort((short) (length - 20));
    out.putShort((short) 0);
    for (int i = 0; i < packets; i++) {
      byte[] payload = new byte[PAYLOAD];
      Arrays.fill(payload, (byte) (first + i));
      out.put(ByteBuffer.wrap(payload).putInt(0, first + i).put(4, MARKER));
    }
    MemorySegment packet = Arena.ofAuto().allocate(out.capacity(), 8);
    packet.copyFrom(MemorySegment.ofArray(out.array()));
    int ip = VnetHeader.SIZE;
    long pseudoHeader = Checksum.pseudoHeader4(packet, ip, 17, length - 20);
    packet.set(NATIVE_SHORT, ip + 26, (short) Checksum.fold(pseudoHeader));
    packet.set(NATIVE_SHORT, ip + 10, (short) ~Checksum.fold(Checksum.sum(packet, ip, 20)));
    int type = packets == 1 ? VnetHeader.GSO_NONE : VnetHeader.GSO_UDP_L4;
    int segment = packets == 1 ? 0 : PAYLOAD;
    VnetHeader.put(packet, 0, VnetHeader.NEEDS_CSUM, type, HEADERS, segment, 20, 6);
    return packet;
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
