// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.capture;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.tunnel.offload.VnetHeader;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Datagrams are built one by one here, with sums by a plain loop, and compared byte by byte. */
final class FrameSplitterTest {
  private static final int LINK = 14;
  private static final int PORT = 51_820;

  private final FrameSplitter splitter = new FrameSplitter();

  @ParameterizedTest(name = "v4={0} link={1} received as a list={2}")
  @CsvSource({
    "true, 14, false",
    "false, 14, false",
    "true, 0, false",
    "false, 0, false",
    "true, 14, true",
    "false, 14, true"
  })
  void aSuperPacketIsCutIntoTheDatagramsThatSegmentationSends(
      boolean v4, int link, boolean asList) {
    Random random = new Random(7);
    for (int round = 0; round < 200; round++) {
      int size = 1 + random.nextInt(1452);
      int length = size + 1 + random.nextInt(Math.min(63 * size, 60_000));
      byte[] payload = new byte[length];
      random.nextBytes(payload);
      int id = random.nextInt(0x10000);
      byte[] large = frame(v4, link, id, payload, !asList);
      MemorySegment memory = memory(large, link, v4, size, asList);
      List<byte[]> frames = splitter.split(memory, 0, large.length + VnetHeader.SIZE, link);
      assertEquals((length + size - 1) / size, frames.size());
      for (int i = 0; i < frames.size(); i++) {
        byte[] part = Arrays.copyOfRange(payload, i * size, Math.min(length, (i + 1) * size));
        byte[] expected = frame(v4, link, id + i & 0xffff, part, false);
        assertArrayEquals(expected, frames.get(i));
      }
    }
  }

  @Test
  void aChecksumThatWasLeftToTheNetworkCardIsCompleted() {
    byte[] payload = {1, 2, 3, 4, 5};
    byte[] frame = frame(true, LINK, 3, payload, true);
    MemorySegment memory = MemorySegment.ofArray(new byte[frame.length + VnetHeader.SIZE]);
    VnetHeader.put(memory, 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_NONE, 0, 0, LINK + 20, 6);
    MemorySegment.copy(MemorySegment.ofArray(frame), 0, memory, VnetHeader.SIZE, frame.length);
    List<byte[]> frames = splitter.split(memory, 0, frame.length + VnetHeader.SIZE, LINK);
    assertEquals(1, frames.size());
    assertArrayEquals(frame(true, LINK, 3, payload, false), frames.getFirst());
  }

  @Test
  void aFrameThatNeedsNothingIsLeftAsItIs() {
    byte[] frame = new byte[60];
    new Random(3).nextBytes(frame);
    MemorySegment memory = MemorySegment.ofArray(new byte[70]);
    MemorySegment.copy(MemorySegment.ofArray(frame), 0, memory, VnetHeader.SIZE, 60);
    assertArrayEquals(frame, splitter.split(memory, 0, 70, LINK).getFirst());
  }

  private static MemorySegment memory(
      byte[] frame, int link, boolean v4, int size, boolean asList) {
    MemorySegment memory = MemorySegment.ofArray(new byte[frame.length + VnetHeader.SIZE]);
    int flags = asList ? VnetHeader.DATA_VALID : VnetHeader.NEEDS_CSUM;
    int start = asList ? 0 : link + (v4 ? 20 : 40);
    int offset = asList ? 0 : 6;
    VnetHeader.put(memory, 0, flags, VnetHeader.GSO_UDP_L4, 0, size, start, offset);
    MemorySegment.copy(MemorySegment.ofArray(frame), 0, memory, VnetHeader.SIZE, frame.length);
    return memory;
  }

  /** A frame with an Ethernet header of ones, its UDP checksum whole or begun. */
  private static byte[] frame(boolean v4, int link, int id, byte[] payload, boolean begun) {
    int header = v4 ? 20 : 40;
    int udpLength = 8 + payload.length;
    ByteBuffer out = ByteBuffer.allocate(link + header + udpLength);
    Arrays.fill(out.array(), 0, link, (byte) 1);
    byte[] addresses = new byte[v4 ? 8 : 32];
    for (int i = 0; i < addresses.length; i++) {
      addresses[i] = (byte) (i * 7 + 1);
    }
    out.position(link);
    if (v4) {
      out.putShort((short) 0x4500).putShort((short) (20 + udpLength)).putShort((short) id);
      out.putShort((short) 0x4000).put((byte) 64).put((byte) 17).putShort((short) 0).put(addresses);
      out.putShort(link + 10, (short) ~sum(out.array(), link, 20, 0));
    } else {
      out.putInt(0x6000_0000).putShort((short) udpLength).put((byte) 17).put((byte) 64);
      out.put(addresses);
    }
    out.putShort((short) PORT).putShort((short) PORT).putShort((short) udpLength);
    int pseudo = sum(addresses, 0, addresses.length, 17 + udpLength);
    out.putShort((short) 0).put(payload);
    int udp = link + header;
    int whole = ~sum(out.array(), udp, udpLength, pseudo) & 0xffff;
    out.putShort(udp + 6, (short) (begun ? pseudo : whole == 0 ? 0xffff : whole));
    return out.array();
  }

  private static int sum(byte[] bytes, int at, int length, int start) {
    int sum = start;
    for (int i = 0; i < length; i++) {
      sum += (bytes[at + i] & 0xff) << (i % 2 == 0 ? 8 : 0);
      sum = (sum & 0xffff) + (sum >>> 16);
    }
    return sum;
  }
}
