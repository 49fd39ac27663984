// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

/** The protocol that carries sealed packets on the underlay. */
public enum Encapsulation {
  /** Datagrams, which pass every cloud and NAT, and which the kernel takes in trains. */
  UDP,

  /**
   * ESP as IP protocol 50, without ports (RFC 4303). The keying's messages go over UDP, for which
   * all nodes use one port.
   */
  RAW;

  /** IANA's port for ESP in UDP (RFC 3948). */
  public static final int ESP_PORT = 4500;
}
