// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.engine.DropReason;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The ports of TCP, UDP and SCTP are found behind extension headers but not in fragments, and a
 * packet that ends within its headers is malformed.
 */
class TransportHeaderTest {
  /** Ports 6443 and 2379, and the bytes behind them. */
  private static final String PORTS = "192b094b" + "00".repeat(16);

  private static final int TCP = 6;

  private final InnerPacket packet = new InnerPacket();
  private final TransportHeader header = new TransportHeader();

  private @Nullable DropReason read(byte[] bytes) {
    // Of exactly this size, so that a look beyond the end throws.
    MemorySegment memory = Arena.ofAuto().allocate(Math.max(1, bytes.length));
    memory.asSlice(0, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
    if (!packet.read(memory, 0, bytes.length)) {
      return DropReason.MALFORMED;
    }
    return header.read(memory, 0, packet);
  }

  /** An IPv4 packet: protocol, flags and offset, and the bytes behind the header. */
  private static byte[] v4(int protocol, int fragment, String payload) {
    byte[] rest = HexFormat.of().parseHex(payload);
    byte[] bytes = Arrays.copyOf(new byte[] {0x45}, 20 + rest.length);
    bytes[3] = (byte) bytes.length;
    bytes[6] = (byte) (fragment >> 8);
    bytes[7] = (byte) fragment;
    bytes[9] = (byte) protocol;
    System.arraycopy(rest, 0, bytes, 20, rest.length);
    return bytes;
  }

  private static byte[] v6(int next, String payload) {
    byte[] rest = HexFormat.of().parseHex(payload);
    byte[] bytes = Arrays.copyOf(new byte[] {0x60}, 40 + rest.length);
    bytes[4] = (byte) (rest.length >> 8);
    bytes[5] = (byte) rest.length;
    bytes[6] = (byte) next;
    System.arraycopy(rest, 0, bytes, 40, rest.length);
    return bytes;
  }

  /** An options header of 8 bytes, before a header of that kind. */
  private static String options(int next) {
    return "%02x00010400000000".formatted(next);
  }

  private void assertPorts(int protocol, int source, int destination) {
    assertEquals(protocol, header.protocol());
    assertEquals(source, header.sourcePort());
    assertEquals(destination, header.destinationPort());
  }

  @ParameterizedTest
  @ValueSource(ints = {TCP, 17, 132})
  void tcpUdpAndSctpHavePorts(int protocol) {
    assertNull(read(v4(protocol, 0, PORTS)));
    assertPorts(protocol, 6443, 2379);
    assertNull(read(v6(protocol, PORTS)));
    assertPorts(protocol, 6443, 2379);
    assertEquals(40, header.offset());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4, 41, 47, 50, 51, 58, 59, 136, 253})
  void nothingElseHas(int protocol) {
    if (protocol != 51) { // read through, below
      assertNull(read(v6(protocol, PORTS)));
      assertPorts(protocol, -1, -1);
    }
    assertNull(read(v4(protocol, 0, PORTS)));
    assertPorts(protocol, -1, -1);
  }

  @ParameterizedTest
  @CsvSource({"0x2000, false", "0x0001, true", "0x3fff, true", "0x1fff, true"})
  void fragmentsOfIpv4HaveNoPorts(String field, boolean later) {
    assertNull(read(v4(TCP, Integer.decode(field), PORTS)));
    assertPorts(TCP, -1, -1);
    assertTrue(header.fragment());
    assertEquals(later, header.laterFragment());
  }

  @ParameterizedTest
  @CsvSource({"0001, false", "0000, false", "0008, true", "fff9, true"})
  void fragmentsOfIpv6HaveNoPorts(String field, boolean later) {
    assertNull(read(v6(44, "0600" + field + "12345678" + PORTS)));
    assertPorts(TCP, -1, -1);
    assertTrue(header.fragment());
    assertEquals(later, header.laterFragment());
  }

  @Test
  void whatFollowsALaterFragmentIsNotTakenForAHeader() {
    // It would be a hop-by-hop header that runs past the end.
    assertNull(read(v6(44, "0000000812345678" + "06ff")));
    assertEquals(0, header.protocol());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 43, 60, 135, 139, 140})
  void portsBehindExtensionHeadersAreFound(int extension) {
    assertNull(read(v6(extension, options(60) + options(TCP) + PORTS)));
    assertPorts(TCP, 6443, 2379);
    assertEquals(56, header.offset());
  }

  @Test
  void anAuthenticationHeaderCountsInFourBytesAndHidesPorts() {
    assertNull(read(v6(51, "0604" + "00".repeat(22) + PORTS)));
    assertPorts(TCP, -1, -1);
    assertEquals(64, header.offset());
  }

  @Test
  void eightExtensionHeadersAreReadAndNotNine() {
    assertNull(read(v6(60, options(60).repeat(7) + options(TCP) + PORTS)));
    assertPorts(TCP, 6443, 2379);
    byte[] nine = v6(60, options(60).repeat(8) + options(TCP) + PORTS);
    assertEquals(DropReason.EXTENSION_HEADERS, read(nine));
  }

  @Test
  void extensionHeadersAreReadUpTo512Bytes() {
    String longest = "063f" + "00".repeat(510);
    assertNull(read(v6(60, longest + PORTS)));
    assertPorts(TCP, 6443, 2379);
    String longer = "0640" + "00".repeat(518);
    assertEquals(DropReason.EXTENSION_HEADERS, read(v6(60, longer + PORTS)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "06", "06000104000000", "0601010400000000", "0600010400000000192b09"})
  void whatEndsWithinAHeaderIsMalformed(String payload) {
    assertEquals(DropReason.MALFORMED, read(v6(60, payload)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "19", "192b09"})
  void whatEndsWithinThePortsIsMalformed(String payload) {
    assertEquals(DropReason.MALFORMED, read(v4(TCP, 0, payload)));
    assertEquals(DropReason.MALFORMED, read(v6(17, payload)));
  }

  @Test
  void aFragmentIsNoLargerThanItsHeadersMayBe() {
    assertNull(read(v4(TCP, 0x2000, "")));
    assertNull(read(v6(44, "0600000112345678")));
    assertEquals(DropReason.MALFORMED, read(v6(44, "06000001123456")));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void anyBytesGiveAVerdictAndNoException(long seed) {
    Random random = new Random(seed);
    Set<DropReason> seen = EnumSet.noneOf(DropReason.class);
    int[] extensions = {0, 43, 44, 51, 60, 135, TCP, 17, 58};
    int read = 0;
    for (int i = 0; i < 50_000; i++) {
      byte[] bytes = new byte[random.nextInt(700)];
      random.nextBytes(bytes);
      if (bytes.length >= 40 && i % 8 != 0) {
        boolean v4 = i % 8 == 1;
        bytes[0] = (byte) (v4 ? 0x45 + random.nextInt(3) : 0x60);
        int length = bytes.length - random.nextInt(4) - (v4 ? 0 : 40);
        bytes[v4 ? 2 : 4] = (byte) (length >> 8);
        bytes[v4 ? 3 : 5] = (byte) length;
        // Short headers that follow each other, so that some are read to their end.
        for (int at = v4 ? 9 : 6; at + 2 < bytes.length; at += at == 6 ? 34 : 8) {
          bytes[at] = (byte) extensions[random.nextInt(extensions.length)];
          if (at >= 40) {
            bytes[at + 1] = (byte) (random.nextInt(16) == 0 ? random.nextInt(256) : 0);
          }
        }
      }
      DropReason reason = read(bytes);
      if (reason == null) {
        read++;
        assertTrue(header.offset() <= packet.length(), "its payload begins within it");
        assertTrue(!header.fragment() || header.sourcePort() == -1);
      } else {
        seen.add(reason);
      }
    }
    assertEquals(EnumSet.of(DropReason.MALFORMED, DropReason.EXTENSION_HEADERS), seen);
    assertTrue(read > 1000, read + " were read");
  }
}
