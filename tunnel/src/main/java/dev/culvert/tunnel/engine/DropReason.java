// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import dev.culvert.routing.Refusal;
import java.util.Locale;

/** The reason why a packet or datagram was dropped. Each has a counter. */
public enum DropReason {
  /** Outbound: no peer owns the destination address. */
  NO_ROUTE(Direction.OUT),
  /** Outbound: the destination is in the cluster's ranges, but no node owns it. */
  NO_OWNER(Direction.OUT),
  /** Outbound: the destination's node has no identity to encrypt for. */
  NO_PEER(Direction.OUT),
  /** Outbound: the destination is this node itself. */
  LOCAL_DESTINATION(Direction.OUT),
  /** Outbound: the destination address is outside of the cluster. */
  OUTSIDE_CLUSTER(Direction.OUT),
  /** Outbound: the source is neither this node nor one of its pods. */
  FOREIGN_SOURCE(Direction.OUT),
  /** Outbound: too many or too long extension headers to read. */
  EXTENSION_HEADERS(Direction.OUT),
  /** Outbound: the peer has no endpoint yet. */
  NO_ENDPOINT(Direction.OUT),
  /** Outbound: the staging queue was full, so its oldest packet was dropped. */
  STAGING_FULL(Direction.OUT),
  /** Outbound: staged packets were dropped since no session came up, or their peer was removed. */
  NO_SESSION(Direction.OUT),
  /** Outbound: the session's counters are spent. */
  COUNTERS_SPENT(Direction.OUT),
  /** Outbound: the kernel did not take the datagram. */
  SEND_FAILED(Direction.OUT),
  /**
   * A datagram of the tunnel's own in its own device: a route leads an endpoint into the tunnel. Or
   * inbound: one that came out of the device.
   */
  LOOPED(Direction.EITHER),
  /** Outbound: larger than the path's MTU. */
  TOO_BIG(Direction.OUT),
  /** A header that cannot be read, or lengths that contradict each other. */
  MALFORMED(Direction.EITHER),
  /** Inbound: not a message type of this protocol, or reserved bytes that are not zero. */
  UNKNOWN_TYPE(Direction.IN),
  /** Inbound: a length that its message type cannot have. */
  BAD_LENGTH(Direction.IN),
  /** Inbound: no session or handshake has this receiver index. */
  UNKNOWN_INDEX(Direction.IN),
  /** Inbound: no security association has this SPI and outer source. */
  UNKNOWN_SA(Direction.IN),
  /** Inbound: the session is too old or its counters are spent. */
  EXPIRED(Direction.IN),
  /** Inbound: the authentication tag is wrong. */
  BAD_TAG(Direction.IN),
  /** Inbound: the counter was seen before or is behind the window. */
  REPLAYED(Direction.IN),
  /** Inbound: the inner source address does not belong to the peer. */
  SOURCE_NOT_ALLOWED(Direction.IN),
  /** Inbound: the inner destination address does not belong to the security association. */
  DESTINATION_NOT_ALLOWED(Direction.IN),
  /** Inbound: authenticated, but its padding is not 1, 2, 3... or longer than the packet. */
  BAD_PADDING(Direction.IN),
  /** Inbound: an authenticated dummy packet (RFC 4303 section 2.6): dropped as required. */
  DUMMY(Direction.IN),
  /** Inbound: one byte that keeps a NAT's mapping alive (RFC 3948 section 2.3). */
  NAT_KEEPALIVE(Direction.IN),
  /** Inbound: mac1 is wrong. */
  BAD_MAC1(Direction.IN),
  /** Inbound: under load, and mac2 was absent or wrong; a cookie was sent. */
  COOKIE_REQUIRED(Direction.IN),
  /** Inbound: a cookie reply that matches nothing we sent. */
  BAD_COOKIE(Direction.IN),
  /** Inbound: too many handshakes from this source. */
  RATE_LIMITED(Direction.IN),
  /** Inbound: the queue of handshakes is full. */
  QUEUE_FULL(Direction.IN),
  /** Inbound: a handshake that does not verify, or whose static key is unknown. */
  BAD_HANDSHAKE(Direction.IN),
  /** Inbound: a handshake initiation whose timestamp is not newer than the last. */
  STALE_TIMESTAMP(Direction.IN),
  /**
   * Inbound: the underlay marked congestion on a packet whose sender does not support such marks
   * (RFC 6040).
   */
  CONGESTION_UNMARKABLE(Direction.IN),
  /** Inbound: the TUN device did not take the packet. */
  TUN_WRITE_FAILED(Direction.IN),
  /** Either way: sealing or opening it failed by a fault of ours, which the log describes. */
  INTERNAL_ERROR(Direction.EITHER);

  /** The way of the dropped packets. */
  public enum Direction {
    OUT,
    IN,
    EITHER;

    /** As in {@code out}. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Direction direction;
  private final String label = name().toLowerCase(Locale.ROOT);

  DropReason(Direction direction) {
    this.direction = direction;
  }

  /** The way of the packets. */
  public Direction direction() {
    return direction;
  }

  /** The counter of packets that the classifier refused for this reason. */
  public static DropReason of(Refusal refusal) {
    return switch (refusal) {
      case NO_OWNER -> NO_OWNER;
      case NO_PEER -> NO_PEER;
      case LOCAL_DESTINATION -> LOCAL_DESTINATION;
      case OUTSIDE_CLUSTER -> OUTSIDE_CLUSTER;
      case FOREIGN_SOURCE -> FOREIGN_SOURCE;
    };
  }

  /** The counter's name, as in {@code bad_tag}. */
  public String label() {
    return label;
  }
}
