// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import dev.culvert.routing.IpAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Builds one netlink request (RFC 3549): header, family header, attributes, each padded to 4. */
final class NetlinkWriter {
  private static final int CAPACITY = 1024;

  /** NLA_F_NESTED, which nftables wants. */
  private static final int NESTED = 0x8000;

  private final ByteBuffer buffer;

  /**
   * @param type as in RTM_NEWROUTE
   * @param flags NLM_F_REQUEST is added
   */
  NetlinkWriter(int type, int flags) {
    this(type, flags, CAPACITY);
  }

  /**
   * @param capacity bytes of the whole request at most
   */
  NetlinkWriter(int type, int flags, int capacity) {
    buffer =
        ByteBuffer.allocate(capacity)
            .order(ByteOrder.nativeOrder())
            .position(NetlinkMessage.HEADER);
    buffer.putShort(4, (short) type);
    buffer.putShort(6, (short) (flags | NetlinkMessage.NLM_F_REQUEST));
  }

  NetlinkWriter u8(int value) {
    buffer.put((byte) value);
    return this;
  }

  NetlinkWriter u16(int value) {
    buffer.putShort((short) value);
    return this;
  }

  NetlinkWriter u32(int value) {
    buffer.putInt(value);
    return this;
  }

  NetlinkWriter attribute(int type, byte[] value) {
    buffer.putShort((short) (4 + value.length)).putShort((short) type).put(value);
    while (buffer.position() % 4 != 0) {
      buffer.put((byte) 0);
    }
    return this;
  }

  NetlinkWriter attribute(int type, int value) {
    buffer.putShort((short) 8).putShort((short) type).putInt(value);
    return this;
  }

  NetlinkWriter attribute(int type, byte value) {
    return attribute(type, new byte[] {value});
  }

  /** Adds an attribute that holds one attribute. */
  NetlinkWriter nested(int type, int innerType, int value) {
    buffer.putShort((short) 12).putShort((short) type);
    return attribute(innerType, value);
  }

  /**
   * Begins an attribute that holds others.
   *
   * @return its place, for {@link #end}
   */
  int begin(int type) {
    int at = buffer.position();
    buffer.putShort((short) 0).putShort((short) (type | NESTED));
    return at;
  }

  /** Ends an attribute that was begun at that place. */
  void end(int at) {
    buffer.putShort(at, (short) (buffer.position() - at));
  }

  NetlinkWriter attribute(int type, IpAddress value) {
    return attribute(type, value.toBytes());
  }

  NetlinkWriter attribute(int type, String value) {
    return attribute(type, (value + "\0").getBytes(StandardCharsets.UTF_8));
  }

  /** Asks for an acknowledgement. */
  void acknowledge() {
    buffer.putShort(6, (short) (buffer.getShort(6) | NetlinkMessage.NLM_F_ACK));
  }

  /** The whole request. */
  byte[] toBytes(int sequence) {
    buffer.putInt(0, buffer.position());
    buffer.putInt(8, sequence);
    byte[] bytes = new byte[buffer.position()];
    buffer.get(0, bytes);
    return bytes;
  }
}
