// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import dev.culvert.routing.Refusal;
import java.util.Locale;

/** The reason why a packet or datagram was dropped. Each has a counter. */
public enum DropReason {
  /** Outbound: no peer owns the destination address. */
  NO_ROUTE,
  /** Outbound: the destination is in the cluster's ranges, but no node owns it. */
  NO_OWNER,
  /** Outbound: the destination's node has no identity to encrypt for. */
  NO_PEER,
  /** Outbound: the destination is this node itself. */
  LOCAL_DESTINATION,
  /** Outbound: the destination address is outside of the cluster. */
  OUTSIDE_CLUSTER,
  /** Outbound: the source is neither this node nor one of its pods. */
  FOREIGN_SOURCE,
  /** Outbound: too many or too long extension headers to read. */
  EXTENSION_HEADERS,
  /** Outbound: the peer has no endpoint yet. */
  NO_ENDPOINT,
  /** Outbound: the staging queue was full, so its oldest packet was dropped. */
  STAGING_FULL,
  /** Outbound: staged packets were dropped since no session came up, or their peer was removed. */
  NO_SESSION,
  /** Outbound: the session's counters are spent. */
  COUNTERS_SPENT,
  /** Outbound: the kernel did not take the datagram. */
  SEND_FAILED,
  /**
   * A datagram of the tunnel's own in its own device: a route leads an endpoint into the tunnel. Or
   * inbound: one that came out of the device.
   */
  LOOPED,
  /** Outbound: larger than the path's MTU. */
  TOO_BIG,
  /** A header that cannot be read, or lengths that contradict each other. */
  MALFORMED,
  /** Inbound: not a message type of this protocol, or reserved bytes that are not zero. */
  UNKNOWN_TYPE,
  /** Inbound: a length that its message type cannot have. */
  BAD_LENGTH,
  /** Inbound: no session or handshake has this receiver index. */
  UNKNOWN_INDEX,
  /** Inbound: no security association has this SPI and outer source. */
  UNKNOWN_SA,
  /** Inbound: the session is too old or its counters are spent. */
  EXPIRED,
  /** Inbound: the authentication tag is wrong. */
  BAD_TAG,
  /** Inbound: the counter was seen before or is behind the window. */
  REPLAYED,
  /** Inbound: the inner source address does not belong to the peer. */
  SOURCE_NOT_ALLOWED,
  /** Inbound: the inner destination address does not belong to the security association. */
  DESTINATION_NOT_ALLOWED,
  /** Inbound: authenticated, but its padding is not 1, 2, 3... or longer than the packet. */
  BAD_PADDING,
  /** Inbound: an authenticated dummy packet (RFC 4303 section 2.6): dropped as required. */
  DUMMY,
  /** Inbound: one byte that keeps a NAT's mapping alive (RFC 3948 section 2.3). */
  NAT_KEEPALIVE,
  /** Inbound: mac1 is wrong. */
  BAD_MAC1,
  /** Inbound: under load, and mac2 was absent or wrong; a cookie was sent. */
  COOKIE_REQUIRED,
  /** Inbound: a cookie reply that matches nothing we sent. */
  BAD_COOKIE,
  /** Inbound: too many handshakes from this source. */
  RATE_LIMITED,
  /** Inbound: the queue of handshakes is full. */
  QUEUE_FULL,
  /** Inbound: a handshake that does not verify, or whose static key is unknown. */
  BAD_HANDSHAKE,
  /** Inbound: a handshake initiation whose timestamp is not newer than the last. */
  STALE_TIMESTAMP,
  /**
   * Inbound: the underlay marked congestion on a packet whose sender does not support such marks
   * (RFC 6040).
   */
  CONGESTION_UNMARKABLE,
  /** Inbound: the TUN device did not take the packet. */
  TUN_WRITE_FAILED,
  /** Either way: sealing or opening it failed by a fault of ours, which the log describes. */
  INTERNAL_ERROR;

  private final String label = name().toLowerCase(Locale.ROOT);

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
