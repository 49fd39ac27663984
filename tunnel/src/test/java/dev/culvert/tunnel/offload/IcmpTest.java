// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.offload.Icmp.Unreachable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * ICMP errors have right checksums, quote as much as they may, and answer only packets between
 * single hosts, never ICMP errors or later fragments.
 */
class IcmpTest {
  private static final IpAddress GATEWAY_4 = IpAddress.parse("192.0.2.1");
  private static final IpAddress GATEWAY_6 = IpAddress.parse("2001:db8::1");

  private final Icmp icmp = new Icmp();
  private final byte[] out = new byte[Icmp.MAX_LENGTH];

  private byte[] tooBig(byte[] packet, int mtu) {
    IpAddress from = packet[0] >>> 4 == 4 ? GATEWAY_4 : GATEWAY_6;
    MemorySegment memory = MemorySegment.ofArray(packet);
    int length = icmp.tooBig(memory, 0, packet.length, from, mtu, MemorySegment.ofArray(out), 0);
    return Arrays.copyOf(out, length);
  }

  private byte[] unreachable(byte[] packet, Unreachable why) {
    IpAddress from = packet[0] >>> 4 == 4 ? GATEWAY_4 : GATEWAY_6;
    MemorySegment memory = MemorySegment.ofArray(packet);
    int length =
        icmp.unreachable(memory, 0, packet.length, from, why, MemorySegment.ofArray(out), 0);
    return Arrays.copyOf(out, length);
  }

  private static int u16(byte[] bytes, int at) {
    return (bytes[at] & 0xff) << 8 | (bytes[at + 1] & 0xff);
  }

  private static void assertReply4(TestPacket offending, byte[] reply, int code, int mtu) {
    byte[] packet = offending.toBytes();
    int quoted = Math.min(packet.length, 576 - 28);
    assertEquals(28 + quoted, reply.length);
    assertEquals(0x45, reply[0]);
    assertEquals(reply.length, u16(reply, 2));
    assertEquals(1, reply[9]);
    assertEquals(0xffff, TestPacket.naiveSum(Arrays.copyOf(reply, 20)));
    assertArrayEquals(GATEWAY_4.toBytes(), Arrays.copyOfRange(reply, 12, 16));
    assertArrayEquals(offending.source(), Arrays.copyOfRange(reply, 16, 20));
    byte[] message = Arrays.copyOfRange(reply, 20, reply.length);
    assertEquals(3, message[0]);
    assertEquals(code, message[1]);
    assertEquals(mtu, u16(message, 6));
    assertEquals(0, u16(message, 4));
    assertEquals(0xffff, TestPacket.naiveSum(message));
    assertArrayEquals(
        Arrays.copyOf(packet, quoted), Arrays.copyOfRange(message, 8, message.length));
  }

  private static void assertReply6(
      TestPacket offending, byte[] reply, int type, int code, int mtu) {
    byte[] packet = offending.toBytes();
    int quoted = Math.min(packet.length, 1280 - 48);
    assertEquals(48 + quoted, reply.length);
    assertEquals(0x60, reply[0]);
    assertEquals(8 + quoted, u16(reply, 4));
    assertEquals(58, reply[6]);
    assertEquals(64, reply[7]);
    byte[] addresses = Arrays.copyOfRange(reply, 8, 40);
    assertArrayEquals(TestPacket.concat(GATEWAY_6.toBytes(), offending.source()), addresses);
    byte[] message = Arrays.copyOfRange(reply, 40, reply.length);
    assertEquals(type, message[0]);
    assertEquals(code, message[1]);
    assertEquals(mtu, u16(message, 4) << 16 | u16(message, 6));
    byte[] lengthAndProtocol = {0, 0, (byte) (message.length >> 8), (byte) message.length, 0, 58};
    assertEquals(0xffff, TestPacket.naiveSum(addresses, lengthAndProtocol, message));
    assertArrayEquals(
        Arrays.copyOf(packet, quoted), Arrays.copyOfRange(message, 8, message.length));
  }

  @Test
  void repliesQuoteAsMuchAsTheyMayWithRightChecksums() {
    Random random = new Random(3);
    for (int payload : new int[] {0, 1, 7, 500, 520, 1300, 1400, 9000}) {
      for (boolean tcp : new boolean[] {true, false}) {
        TestPacket v4 = TestPacket.of(true, tcp, TestPacket.bytes(random, payload));
        TestPacket v6 = TestPacket.of(false, tcp, TestPacket.bytes(random, payload));
        assertReply4(v4, tooBig(v4.toBytes(), 1420), 4, 1420);
        assertReply6(v6, tooBig(v6.toBytes(), 1420), 2, 0, 1420);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"NO_ROUTE, 0, 0", "ADDRESS, 1, 3", "PROHIBITED, 13, 1"})
  void unreachableSaysWhy(Unreachable why, int v4Code, int v6Code) {
    TestPacket v4 = TestPacket.of(true, true, new byte[100]);
    TestPacket v6 = TestPacket.of(false, true, new byte[100]).withExtensions(2);
    assertReply4(v4, unreachable(v4.toBytes(), why), v4Code, 0);
    assertReply6(v6, unreachable(v6.toBytes(), why), 1, v6Code, 0);
  }

  /** Address bytes set in an IPv4 packet: offset, first byte. */
  @ParameterizedTest
  @CsvSource({
    "16, 224", "16, 239", "16, 255", "16, 240", "16, 0", "16, 127", "12, 0", "12, 127", "12, 224",
    "12, 255"
  })
  void ipv4HostsOnlyAreAnswered(int at, int value) {
    byte[] packet = TestPacket.of(true, true, new byte[100]).toBytes();
    packet[at] = (byte) value;
    assertEquals(0, tooBig(packet, 1000).length);
    assertEquals(0, unreachable(packet, Unreachable.NO_ROUTE).length);
  }

  @ParameterizedTest
  @CsvSource({"::, 8", "::1, 8", "ff02::1, 8", "ff02::1, 24", "::1, 24"})
  void ipv6HostsOnlyAreAnswered(String address, int at) {
    byte[] packet = TestPacket.of(false, true, new byte[100]).toBytes();
    System.arraycopy(IpAddress.parse(address).toBytes(), 0, packet, at, 16);
    assertEquals(0, tooBig(packet, 1000).length);
    assertEquals(0, unreachable(packet, Unreachable.NO_ROUTE).length);
  }

  @Test
  void onlyTheFirstFragmentIsAnswered() {
    TestPacket v4 = TestPacket.of(true, true, new byte[100]);
    assertReply4(v4.withFragment(0x2000), tooBig(v4.withFragment(0x2000).toBytes(), 1000), 4, 1000);
    assertEquals(0, tooBig(v4.withFragment(0x2001).toBytes(), 1000).length);
    assertEquals(0, tooBig(v4.withFragment(1).toBytes(), 1000).length);
    byte[] v6 = TestPacket.of(false, true, new byte[100]).withExtensions(2).toBytes();
    v6[40] = 44;
    v6[48 + 2] = 0;
    v6[48 + 3] = 1; // more fragments
    assertTrue(tooBig(v6, 1000).length > 0);
    v6[48 + 3] = 8;
    assertEquals(0, tooBig(v6, 1000).length);
  }

  @Test
  void whatRunsPastItsEndIsNotAnswered() {
    byte[] v6 = TestPacket.of(false, true, new byte[100]).withExtensions(1).toBytes();
    assertTrue(tooBig(v6, 1000).length > 0);
    v6[41] = 40; // the extension's length, in 8 bytes
    assertEquals(0, tooBig(v6, 1000).length);
    byte[] v4 = Arrays.copyOf(TestPacket.of(true, true, new byte[100]).toBytes(), 22);
    v4[3] = 22;
    v4[2] = 0;
    assertEquals(0, tooBig(v4, 1000).length, "no ports");
  }

  @Test
  void icmpErrorsAreNotAnsweredButQueriesAre() {
    byte[] v4 = TestPacket.of(true, true, new byte[100]).toBytes();
    v4[9] = 1;
    byte[] v6 = TestPacket.of(false, true, new byte[100]).toBytes();
    v6[6] = 58;
    byte[] extended = TestPacket.of(false, true, new byte[100]).withExtensions(1).toBytes();
    extended[40] = 58;
    for (int type : new int[] {0, 8, 13}) {
      v4[20] = (byte) type;
      assertTrue(tooBig(v4, 1000).length > 0);
    }
    for (int type : new int[] {3, 4, 5, 11, 12, 99}) {
      v4[20] = (byte) type;
      assertEquals(0, tooBig(v4, 1000).length);
    }
    for (int type : new int[] {128, 129}) {
      v6[40] = extended[48] = (byte) type;
      assertTrue(tooBig(v6, 1000).length > 0);
      assertTrue(tooBig(extended, 1000).length > 0);
    }
    for (int type : new int[] {1, 2, 3, 4, 127, 137}) {
      v6[40] = extended[48] = (byte) type;
      assertEquals(0, tooBig(v6, 1000).length);
      assertEquals(0, tooBig(extended, 1000).length);
    }
  }

  @Test
  void sourceOfTheOtherFamilyIsAnError() {
    MemorySegment packet = MemorySegment.ofArray(TestPacket.of(true, true, new byte[9]).toBytes());
    assertThrows(
        IllegalArgumentException.class,
        () -> icmp.tooBig(packet, 0, 49, GATEWAY_6, 1000, MemorySegment.ofArray(out), 0));
  }

  @Test
  void hostileInputNeitherThrowsNorReadsBesideThePacket() {
    Random random = new Random(11);
    MemorySegment memory = Arena.ofAuto().allocate(512);
    MemorySegment reply = MemorySegment.ofArray(out);
    int answered = 0;
    for (int i = 0; i < 200_000; i++) {
      byte[] packet = TestPacket.random(random, random.nextInt(60)).toBytes();
      for (int j = random.nextInt(4); j > 0; j--) {
        packet[random.nextInt(packet.length)] = (byte) random.nextInt(70);
      }
      int length = random.nextInt(4) == 0 ? random.nextInt(packet.length) : packet.length;
      MemorySegment exact = memory.asSlice(512 - length, length);
      exact.copyFrom(MemorySegment.ofArray(packet).asSlice(0, length));
      boolean v4 = length > 0 && packet[0] >>> 4 == 4;
      int n = icmp.tooBig(exact, 0, length, v4 ? GATEWAY_4 : GATEWAY_6, 1000, reply, 0);
      answered += n > 0 ? 1 : 0;
    }
    assertTrue(answered > 50_000 && answered < 190_000, answered + " answered");
  }
}
