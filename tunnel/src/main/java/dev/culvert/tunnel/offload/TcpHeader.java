// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.offload;

/** Offsets and flags in the TCP header. */
final class TcpHeader {
  static final int MIN = 20;
  static final int SEQUENCE = 4;
  static final int ACKNOWLEDGEMENT = 8;
  static final int DATA_OFFSET = 12;
  static final int FLAGS = 13;
  static final int WINDOW = 14;
  static final int CHECKSUM = 16;
  static final int URGENT = 18;

  static final int FIN = 0x01;
  static final int PSH = 0x08;
  static final int ACK = 0x10;
  static final int CWR = 0x80;

  private TcpHeader() {}
}
