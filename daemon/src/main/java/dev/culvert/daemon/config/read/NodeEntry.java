// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.Place;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One node of a cluster, whatever it was read from, before the engine's peer is made of it.
 *
 * @param place of the name
 * @param former whether it is one no more: it is no peer, though its addresses are the cluster's
 * @param ranges all ranges that the node owns, its addresses included, each with its place
 */
record NodeEntry(
    Place place,
    String name,
    Set<String> roles,
    Map<String, String> labels,
    List<IpAddress> internal,
    List<IpAddress> external,
    List<Prefix> podCidrs,
    Map<Prefix, Place> ranges,
    boolean former,
    PeerSettings settings) {}
