// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

/** What a lane counts, apart from drops. A constant added here is in every status. */
public enum LaneCounter {
  /** Packets sealed and handed to the kernel. */
  PACKETS_SENT("packetsSent"),
  /** Packets opened and written to the TUN device. */
  PACKETS_DELIVERED("packetsDelivered"),
  /** Trains handed to the kernel; with the packets sent, the mean length of a train. */
  TRAINS_SENT("trainsSent"),
  /** Trains received, of one session each; with the packets delivered, their mean length. */
  TRAINS_RECEIVED("trainsReceived");

  private final String label;

  LaneCounter(String label) {
    this.label = label;
  }

  /** The counter's name in JSON. */
  public String label() {
    return label;
  }
}
