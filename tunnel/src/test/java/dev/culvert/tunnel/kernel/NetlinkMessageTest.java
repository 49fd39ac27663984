// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.IpAddress;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Netlink messages are read back as written, errors carry the kernel's text, and lengths that do
 * not fit are refused.
 */
class NetlinkMessageTest {
  private static ByteBuffer twoRequests() {
    byte[] first =
        new NetlinkWriter(24, 4)
            .u8(2)
            .u8(24)
            .u16(0)
            .attribute(3, "cvt0")
            .attribute(1, IpAddress.parse("192.0.2.1"))
            .toBytes(7);
    byte[] second = new NetlinkWriter(16, 0x300).u32(5).attribute(4, 1420).toBytes(8);
    return ByteBuffer.allocate(first.length + second.length).put(first).put(second).flip();
  }

  @Test
  void whatIsWrittenIsRead() throws Exception {
    List<NetlinkMessage> messages = NetlinkMessage.parse(twoRequests());
    assertEquals(2, messages.size());
    NetlinkMessage first = messages.getFirst();
    assertEquals(24, first.type());
    assertEquals(4 | NetlinkMessage.NLM_F_REQUEST, first.flags());
    assertEquals(7, first.sequence());
    assertEquals(2, first.payload().get(0));
    Map<Integer, ByteBuffer> attributes = first.attributes(4);
    assertEquals("cvt0", NetlinkMessage.string(attribute(attributes, 3)));
    assertEquals(4, attribute(attributes, 1).remaining());
    NetlinkMessage second = messages.getLast();
    assertEquals(8, second.sequence());
    assertEquals(1420, attribute(second.attributes(4), 4).getInt(0));
  }

  private static ByteBuffer attribute(Map<Integer, ByteBuffer> attributes, int type) {
    return Objects.requireNonNull(attributes.get(type));
  }

  @Test
  void attributesArePaddedToFour() {
    byte[] bytes = new NetlinkWriter(16, 0).attribute(3, "ab").attribute(4, 1).toBytes(1);
    assertEquals(16 + 8 + 8, bytes.length);
    assertEquals(7, ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder()).getShort(16));
  }

  @Test
  void lengthsThatDoNotFitAreRefused() {
    for (int length : new int[] {0, 15, 1 << 20, -1}) {
      ByteBuffer bytes = twoRequests().order(ByteOrder.nativeOrder()).putInt(0, length);
      assertThrows(ProtocolException.class, () -> NetlinkMessage.parse(bytes), "" + length);
    }
  }

  @Test
  void attributeLengthsThatDoNotFitAreRefused() throws Exception {
    for (int length : new int[] {0, 3, 5000}) {
      ByteBuffer bytes = twoRequests().order(ByteOrder.nativeOrder());
      bytes.putShort(16 + 4, (short) length);
      NetlinkMessage message = NetlinkMessage.parse(bytes).getFirst();
      assertThrows(ProtocolException.class, () -> message.attributes(4), "" + length);
    }
  }

  @Test
  void anErrorCarriesTheKernelsText() throws Exception {
    // errno, the header of the request (capped), the text attribute
    ByteBuffer payload = error(-17);
    NetlinkMessage error =
        new NetlinkMessage(
            NetlinkMessage.NLMSG_ERROR,
            NetlinkMessage.NLM_F_ACK_TLVS | NetlinkMessage.NLM_F_CAPPED,
            1,
            0,
            NetlinkMessage.HERE,
            payload);
    assertEquals(17, error.errno());
    assertEquals("no", error.explanation());
    assertNull(
        new NetlinkMessage(2, NetlinkMessage.NLM_F_CAPPED, 1, 0, NetlinkMessage.HERE, payload)
            .explanation());
  }

  @Test
  void theEndOfAFailedListCarriesTheKernelsText() throws Exception {
    ByteBuffer payload = ByteBuffer.allocate(4 + 16).order(ByteOrder.nativeOrder());
    payload.putInt(0, -2).putShort(4, (short) 15).putShort(6, (short) 1);
    payload.put(8, "no table".getBytes(StandardCharsets.UTF_8));
    NetlinkMessage done =
        new NetlinkMessage(NetlinkMessage.NLMSG_DONE, 2, 1, 0, NetlinkMessage.HERE, payload);
    assertEquals(2, done.errno());
    assertEquals("no table", done.explanation());
  }

  private static ByteBuffer error(int errno) {
    ByteBuffer payload = ByteBuffer.allocate(4 + 16 + 8).order(ByteOrder.nativeOrder());
    payload.putInt(0, errno).putInt(4, 16);
    payload.putShort(20, (short) 7).putShort(22, (short) 1);
    payload.put(24, (byte) 'n').put(25, (byte) 'o');
    return payload;
  }

  @Test
  void garbageIsRefusedOrReadAndNothingElse() {
    Random random = new Random(3);
    int refused = 0;
    for (int round = 0; round < 20_000; round++) {
      byte[] bytes = new byte[random.nextInt(80)];
      random.nextBytes(bytes);
      if (bytes.length > 16) {
        // A believable length, so that the attributes are reached too.
        bytes[0] = (byte) random.nextInt(bytes.length + 2);
        bytes[1] = bytes[2] = bytes[3] = 0;
      }
      try {
        for (NetlinkMessage message : NetlinkMessage.parse(ByteBuffer.wrap(bytes))) {
          message.explanation();
          message.attributes(16);
        }
      } catch (ProtocolException e) {
        refused++;
      }
    }
    assertTrue(refused > 1000, refused + " refused");
  }
}
