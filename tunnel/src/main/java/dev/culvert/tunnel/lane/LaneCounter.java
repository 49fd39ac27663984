// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

/** The counters of a lane, apart from drops. A constant added here is in every status. */
public enum LaneCounter {
  /** Packets sealed and handed to the kernel. */
  PACKETS_SENT("packetsSent"),
  /** Packets opened and written to the TUN device. */
  PACKETS_DELIVERED("packetsDelivered"),
  /** Trains handed to the kernel; with the packets sent, the mean length of a train. */
  TRAINS_SENT("trainsSent"),
  /** Trains received, of one session each; with the packets delivered, their mean length. */
  TRAINS_RECEIVED("trainsReceived"),
  /**
   * Bytes of the inner packets that were sealed and handed to the kernel. A train of which the
   * kernel refused a part counts as a whole.
   */
  BYTES_SENT("bytesSent"),
  /** Bytes of the inner packets that were opened and written to the TUN device. */
  BYTES_DELIVERED("bytesDelivered");

  private final String label;

  LaneCounter(String label) {
    this.label = label;
  }

  /** The counter's name in JSON. */
  public String label() {
    return label;
  }
}
