// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.Place;
import dev.culvert.daemon.config.read.YamlValue.YamlMap;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import java.util.List;
import java.util.Map;

/**
 * The entry of one node in a cluster's file, in the part that is the same for all engines.
 *
 * @param map the whole entry
 * @param place of the name
 * @param ranges all ranges that the node owns, its addresses included, each with its place in the
 *     file
 */
record NodeEntry(
    YamlMap map,
    Place place,
    String name,
    List<IpAddress> internal,
    List<IpAddress> external,
    List<Prefix> podCidrs,
    Map<Prefix, Place> ranges) {}
