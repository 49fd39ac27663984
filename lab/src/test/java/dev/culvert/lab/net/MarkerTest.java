// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.net;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The lab's claims about the wire rest on these two. */
final class MarkerTest {
  private static long seen(String marker, String packet) {
    Marker search = new Marker(marker);
    search.searchIn(packet.getBytes(UTF_8));
    return search.seen();
  }

  @Test
  void aMarkerIsSeenWhereverItStands() {
    assertEquals(1, seen("mark", "mark"));
    assertEquals(1, seen("mark", "..mark"));
    assertEquals(1, seen("mark", "mark.."));
    assertEquals(2, seen("mark", "mmarkmark"));
    assertEquals(1, seen("aab", "aaab"));
    assertEquals(0, seen("mark", "mar"));
    assertEquals(0, seen("mark", "mar kmar"));
    assertEquals(0, seen("mark", ""));
  }

  private static byte[] pcap(ByteOrder order, byte[]... packets) {
    ByteBuffer file = ByteBuffer.allocate(1000).order(order);
    file.putInt(0xa1b2c3d4).putInt(0x00040002).putLong(0).putInt(65_535).putInt(1);
    for (byte[] packet : packets) {
      file.putInt(1).putInt(2).putInt(packet.length).putInt(packet.length).put(packet);
    }
    return Arrays.copyOf(file.array(), file.position());
  }

  @Test
  void aCaptureIsReadInEitherByteOrder() throws IOException {
    byte[] first = {1, 2, 3};
    byte[] second = {};
    for (ByteOrder order : new ByteOrder[] {ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN}) {
      try (PcapReader reader =
          new PcapReader(new ByteArrayInputStream(pcap(order, first, second)))) {
        assertArrayEquals(first, reader.next());
        assertArrayEquals(second, reader.next());
        assertNull(reader.next());
      }
    }
  }

  @Test
  void aCaptureThatWasCutShortEndsWithItsLastWholePacket() throws IOException {
    byte[] whole = pcap(ByteOrder.LITTLE_ENDIAN, new byte[] {1}, new byte[] {1, 2});
    try (PcapReader reader =
        new PcapReader(new ByteArrayInputStream(Arrays.copyOf(whole, whole.length - 1)))) {
      assertArrayEquals(new byte[] {1}, reader.next());
      assertNull(reader.next());
    }
  }

  @Test
  void whatIsNoCaptureIsRefused() throws IOException {
    try (PcapReader reader = new PcapReader(new ByteArrayInputStream(new byte[100]))) {
      assertThrows(IOException.class, reader::next);
    }
  }
}
