package dev.culvert.tunnel.offload;

/** Offsets, sizes and values in the headers that this package reads and writes. */
final class Header {
  static final int V4_MIN = 20;
  static final int V4_TOS = 1;
  static final int V4_TOTAL_LENGTH = 2;
  static final int V4_ID = 4;
  static final int V4_FRAGMENT = 6;
  static final int V4_TTL = 8;
  static final int V4_PROTOCOL = 9;
  static final int V4_CHECKSUM = 10;
  static final int V4_SOURCE = 12;
  static final int V4_DESTINATION = 16;

  /** Don't fragment. */
  static final int V4_DF = 0x4000;

  /** More fragments, and the fragment's offset: any of these bits makes a packet a fragment. */
  static final int V4_DONT_FRAGMENT = 0x4000;

  static final int V4_IS_FRAGMENT = 0x3fff;

  static final int V4_FRAGMENT_OFFSET = 0x1fff;

  static final int V6 = 40;
  static final int V6_PAYLOAD_LENGTH = 4;
  static final int V6_NEXT_HEADER = 6;
  static final int V6_HOP_LIMIT = 7;
  static final int V6_SOURCE = 8;
  static final int V6_DESTINATION = 24;

  static final int V6_FRAGMENT = 44;
  static final int V6_AUTHENTICATION = 51;

  static final int ICMP = 1;
  static final int TCP = 6;
  static final int UDP = 17;
  static final int ICMPV6 = 58;
  static final int SCTP = 132;

  static final int TCP_MIN = 20;
  static final int TCP_SEQUENCE = 4;
  static final int TCP_ACKNOWLEDGEMENT = 8;
  static final int TCP_DATA_OFFSET = 12;
  static final int TCP_FLAGS = 13;
  static final int TCP_WINDOW = 14;
  static final int TCP_CHECKSUM = 16;
  static final int TCP_URGENT = 18;

  static final int FIN = 0x01;
  static final int PSH = 0x08;
  static final int ACK = 0x10;
  static final int CWR = 0x80;

  static final int UDP_SIZE = 8;
  static final int UDP_LENGTH = 4;
  static final int UDP_CHECKSUM = 6;

  private Header() {}
}
