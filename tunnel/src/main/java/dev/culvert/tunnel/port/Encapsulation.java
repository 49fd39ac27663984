package dev.culvert.tunnel.port;

/** What carries sealed packets on the underlay. */
public enum Encapsulation {
  /** Datagrams, which pass every cloud and NAT, and which the kernel takes in trains. */
  UDP,

  /**
   * ESP as IP protocol 50, without ports (RFC 4303). Only what is not ESP, the keying's messages,
   * goes over UDP; all nodes use one port for that.
   */
  RAW;

  /** IANA's port for ESP in UDP (RFC 3948). */
  public static final int ESP_PORT = 4500;
}
