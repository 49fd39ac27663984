// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Layouts of the socket structures on 64-bit Linux: sizes and offsets in bytes. */
final class Wire {
  // struct mmsghdr: a struct msghdr and the number of bytes moved
  static final int MMSGHDR = 64;
  static final int MSG_NAME = 0;
  static final int MSG_NAMELEN = 8;
  static final int MSG_IOV = 16;
  static final int MSG_IOVLEN = 24;
  static final int MSG_CONTROL = 32;
  static final int MSG_CONTROLLEN = 40;
  static final int MSG_FLAGS = 48;
  static final int MSG_LEN = 56;

  static final int IOVEC = 16;
  static final int IOV_BASE = 0;
  static final int IOV_LEN = 8;

  /** Room for a sockaddr_in6, 28 bytes. */
  static final int SOCKADDR_ROOM = 32;

  static final int SOCKADDR_PORT = 2;
  static final int SOCKADDR_V4_ADDRESS = 4;
  static final int SOCKADDR_V6_FLOW = 4;
  static final int SOCKADDR_V6_ADDRESS = 8;
  static final int SOCKADDR_V6_SCOPE = 24;

  static final int CMSG_LEVEL = 8;
  static final int CMSG_TYPE = 12;
  static final int CMSG_DATA = 16;

  static final int SOL_IP = 0;
  static final int SOL_SOCKET = 1;
  static final int SOL_UDP = 17;
  static final int SOL_IPV6 = 41;
  static final int IP_TOS = 1;
  static final int IP_MTU_DISCOVER = 10;
  static final int IP_PMTUDISC_DONT = 0;
  static final int IP_PMTUDISC_WANT = 1;
  static final int IP_PMTUDISC_PROBE = 3;
  static final int IP_PKTINFO = 8;
  static final int IP_RECVTOS = 13;
  static final int IPV6_V6ONLY = 26;
  static final int IPV6_RECVPKTINFO = 49;
  static final int IPV6_PKTINFO = 50;
  static final int IPV6_RECVTCLASS = 66;
  static final int IPV6_TCLASS = 67;
  static final int UDP_SEGMENT = 103;
  static final int UDP_GRO = 104;

  static final ValueLayout.OfShort SHORT = JAVA_SHORT_UNALIGNED;
  static final ValueLayout.OfInt INT = JAVA_INT_UNALIGNED;
  static final ValueLayout.OfLong LONG = JAVA_LONG_UNALIGNED;
  static final ValueLayout.OfShort NET_SHORT = SHORT.withOrder(ByteOrder.BIG_ENDIAN);
  static final ValueLayout.OfInt NET_INT = INT.withOrder(ByteOrder.BIG_ENDIAN);
  static final ValueLayout.OfLong NET_LONG = LONG.withOrder(ByteOrder.BIG_ENDIAN);

  private Wire() {}

  /** Bytes that a control message of {@code data} bytes takes with its padding. */
  static int cmsgSpace(int data) {
    return CMSG_DATA + (data + 7 & ~7);
  }
}
