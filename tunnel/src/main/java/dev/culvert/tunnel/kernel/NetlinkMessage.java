// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import dev.culvert.routing.IpAddress;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One message from the kernel (RFC 3549).
 *
 * @param type as in RTM_NEWLINK, NLMSG_ERROR
 * @param flags NLM_F_...
 * @param sequence the number of the request that it answers
 * @param port of the socket that it was sent to, or whose request caused the change it tells of
 * @param namespace the network namespace that it is about: {@link #HERE}, or another one's number
 *     in the socket's namespace
 * @param payload the bytes after the header, in host byte order
 */
record NetlinkMessage(
    int type, int flags, int sequence, int port, int namespace, ByteBuffer payload) {
  static final int HERE = -1;

  static final int HEADER = 16;

  static final int NLMSG_ERROR = 2;
  static final int NLMSG_DONE = 3;

  static final int NLM_F_REQUEST = 1;
  static final int NLM_F_ACK = 4;
  static final int NLM_F_DUMP_INTR = 0x10;
  static final int NLM_F_CAPPED = 0x100;
  static final int NLM_F_REPLACE = 0x100;
  static final int NLM_F_EXCL = 0x200;
  static final int NLM_F_ACK_TLVS = 0x200;
  static final int NLM_F_DUMP = 0x300;
  static final int NLM_F_CREATE = 0x400;

  private static final int NLMSGERR_ATTR_MSG = 1;
  private static final int TYPE_MASK = 0x3fff;

  /**
   * Splits a datagram into messages of this network namespace.
   *
   * @throws ProtocolException if lengths do not fit
   */
  static List<NetlinkMessage> parse(ByteBuffer bytes) throws ProtocolException {
    return parse(bytes, HERE);
  }

  /** Splits a datagram into messages of the given network namespace. */
  static List<NetlinkMessage> parse(ByteBuffer bytes, int namespace) throws ProtocolException {
    List<NetlinkMessage> messages = new ArrayList<>();
    ByteBuffer in = bytes.slice().order(ByteOrder.nativeOrder());
    while (in.remaining() >= HEADER) {
      int start = in.position();
      int length = in.getInt(start);
      if (length < HEADER || length > in.remaining()) {
        throw new ProtocolException("netlink message of " + length + " bytes");
      }
      messages.add(
          new NetlinkMessage(
              in.getShort(start + 4) & 0xffff,
              in.getShort(start + 6) & 0xffff,
              in.getInt(start + 8),
              in.getInt(start + 12),
              namespace,
              in.slice(start + HEADER, length - HEADER).order(ByteOrder.nativeOrder())));
      in.position(Math.min(in.limit(), start + (length + 3 & ~3)));
    }
    return messages;
  }

  /**
   * The attributes behind the payload's fixed header, by type, the last of each type.
   *
   * @param fixedHeader bytes of the fixed header, such as 16 for ifinfomsg
   */
  Map<Integer, ByteBuffer> attributes(int fixedHeader) throws ProtocolException {
    return attributes(payload, fixedHeader);
  }

  /** The attributes nested in an attribute. */
  static Map<Integer, ByteBuffer> nested(ByteBuffer attribute) throws ProtocolException {
    return attributes(attribute, 0);
  }

  private static Map<Integer, ByteBuffer> attributes(ByteBuffer payload, int from)
      throws ProtocolException {
    if (from < 0 || from > payload.limit()) {
      throw new ProtocolException("netlink payload of " + payload.limit() + " bytes");
    }
    Map<Integer, ByteBuffer> attributes = new HashMap<>();
    int at = from;
    while (payload.limit() - at >= 4) {
      int length = payload.getShort(at) & 0xffff;
      if (length < 4 || length > payload.limit() - at) {
        throw new ProtocolException("netlink attribute of " + length + " bytes");
      }
      attributes.put(
          payload.getShort(at + 2) & TYPE_MASK,
          payload.slice(at + 4, length - 4).order(ByteOrder.nativeOrder()));
      at += length + 3 & ~3;
    }
    return attributes;
  }

  /** The positive errno of an NLMSG_ERROR (0: an acknowledgement) or an NLMSG_DONE. */
  int errno() throws ProtocolException {
    if (payload.limit() < 4) {
      throw new ProtocolException("netlink error of " + payload.limit() + " bytes");
    }
    return -payload.getInt(0);
  }

  /**
   * The kernel's own explanation of an NLMSG_ERROR or NLMSG_DONE (extended acknowledgement), if it
   * gave one.
   */
  @Nullable String explanation() throws ProtocolException {
    if (payload.limit() < 4 + HEADER || ((flags & NLM_F_ACK_TLVS) == 0 && type == NLMSG_ERROR)) {
      return null;
    }
    int request = 0;
    if (type == NLMSG_ERROR) {
      // An error message contains the request or, if capped, just its header.
      request = (flags & NLM_F_CAPPED) != 0 ? HEADER : (payload.getInt(4) + 3) & ~3;
    }
    ByteBuffer text = attributes(4 + request).get(NLMSGERR_ATTR_MSG);
    return text == null ? null : string(text);
  }

  /** The number in an attribute of 4 bytes. */
  static int integer(@Nullable ByteBuffer attribute, int otherwise) {
    return attribute == null || attribute.remaining() < 4 ? otherwise : attribute.getInt(0);
  }

  /** The address in an attribute of 4 or 16 bytes, null if there is no attribute. */
  static @Nullable IpAddress address(@Nullable ByteBuffer attribute) throws ProtocolException {
    if (attribute == null) {
      return null;
    }
    byte[] bytes = new byte[attribute.remaining()];
    attribute.get(0, bytes);
    if (bytes.length != 4 && bytes.length != 16) {
      throw new ProtocolException("an address of " + bytes.length + " bytes");
    }
    return IpAddress.ofBytes(bytes);
  }

  /** The text of a NUL-terminated attribute. */
  static String string(ByteBuffer attribute) {
    byte[] bytes = new byte[attribute.remaining()];
    attribute.get(attribute.position(), bytes);
    int end = 0;
    while (end < bytes.length && bytes[end] != 0) {
      end++;
    }
    return new String(bytes, 0, end, StandardCharsets.UTF_8);
  }
}
