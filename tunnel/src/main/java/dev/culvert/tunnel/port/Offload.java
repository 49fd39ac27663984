// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** Work on a run of packets that the kernel can do at once, instead of packet by packet. */
public enum Offload {
  /** TCP super-packets on the TUN device. */
  TUN_TSO("tunTso"),

  /** UDP super-packets on the TUN device. */
  TUN_USO("tunUso"),

  /** A train that is handed to a UDP socket as one message (UDP_SEGMENT). */
  UDP_SEGMENTATION("udpSegmentation"),

  /** A run of datagrams that a UDP socket hands over as one message (UDP_GRO). */
  UDP_GRO("udpGro");

  private final String key;

  Offload(String key) {
    this.key = key;
  }

  /** As in a configuration, for example {@code udpGro}. */
  public String key() {
    return key;
  }

  /** As in metrics, for example {@code udp_gro}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** As in the output of commands, for example {@code udp-gro}. */
  public String text() {
    return label().replace('_', '-');
  }

  /** The wish of an operator for one offload. */
  public enum Mode {
    /** Used if the kernel grants it and it works. */
    AUTO,

    /** Used, or the gateway does not start; faults are not looked for. */
    ON,

    /** Not used. */
    OFF;

    /** As in a configuration. */
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** The mode whose {@link #text} this is; empty if there is none. */
    public static Optional<Mode> of(String text) {
      return Stream.of(values()).filter(mode -> mode.text().equals(text)).findFirst();
    }
  }

  /** Whether an offload is in use, and if not, why. */
  public enum State {
    IN_USE,

    /** An operator has switched it off. */
    CONFIGURED,

    /** The kernel, the device or the socket does not have it. */
    NOT_GRANTED,

    /** The kernel grants it, but trains that are sent with it do not arrive. */
    KERNEL_GSO_BUG;

    /** The reason for which it is not in use, as in metrics; empty if it is in use. */
    public String reason() {
      return this == IN_USE ? "" : name().toLowerCase(Locale.ROOT);
    }
  }
}
