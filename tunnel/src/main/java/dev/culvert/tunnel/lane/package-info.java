// SPDX-License-Identifier: Apache-2.0
/**
 * The packet path: a lane moves packets between its TUN queue and its sockets, out by {@link
 * dev.culvert.tunnel.lane.OutboundPath} and in by {@link dev.culvert.tunnel.lane.InboundPath}.
 * Nothing here allocates or takes a lock per packet; nothing reads files, logs, asks a name service
 * or speaks netlink.
 */
@NullMarked
package dev.culvert.tunnel.lane;

import org.jspecify.annotations.NullMarked;
