// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.kernel.Links.Address;
import dev.culvert.tunnel.kernel.Links.Link;
import dev.culvert.tunnel.kernel.RouteLookup.Way;
import java.io.IOException;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The facts about a machine that its plan depends on.
 *
 * @param underlay the MTU in bytes of each device through which encapsulated packets may leave for
 *     a node, by device name: all next hops of a route that has several. If the route has an MTU,
 *     that one counts. Never contains the tunnel
 * @param localAddresses usable addresses of this host, loopback and link-local addresses included
 * @param subnets the ranges that are on each link, by its name; without link-local ranges
 * @param sources for each reachable node, the source address that packets to it get
 * @param physical devices that packets leave the host through, sorted: those of the underlay, the
 *     devices that these send through, and all hardware devices
 * @param overlayPorts UDP ports that VXLAN devices send to
 */
public record HostFacts(
    SortedMap<String, Integer> underlay,
    Set<IpAddress> localAddresses,
    Map<String, Set<Prefix>> subnets,
    Map<IpAddress, IpAddress> sources,
    List<String> physical,
    Set<Integer> overlayPorts) {
  public HostFacts {
    underlay = Collections.unmodifiableSortedMap(new TreeMap<>(underlay));
    localAddresses = Set.copyOf(localAddresses);
    subnets = Map.copyOf(subnets);
    sources = Map.copyOf(sources);
    physical = List.copyOf(physical);
    overlayPorts = Set.copyOf(overlayPorts);
  }

  /**
   * Asks the kernel.
   *
   * @param nodes addresses of other nodes on the underlay
   * @param tunnel name of the device whose packets are encapsulated: routes into it do not count
   * @param mark the mark of encapsulated packets, so that the rules in force let them through
   */
  public static HostFacts read(
      Netlink netlink, Collection<IpAddress> nodes, String tunnel, int mark) throws IOException {
    Links links = new Links(netlink);
    RouteLookup routes = new RouteLookup(netlink);
    Map<Integer, Link> byIndex = new HashMap<>();
    links.list().forEach(link -> byIndex.put(link.index(), link));
    Map<Integer, Link> outer = new HashMap<>(byIndex);
    outer.values().removeIf(link -> link.name().equals(tunnel));
    SortedMap<String, Integer> underlay = new TreeMap<>();
    Map<IpAddress, IpAddress> sources = new HashMap<>();
    for (IpAddress node : nodes) {
      Way way = routes.lookUp(node, mark).orElse(null);
      if (way == null || !outer.containsKey(way.interfaceIndex())) {
        continue;
      }
      Set<Integer> devices = new HashSet<>(routes.nextHops(node, mark));
      devices.add(way.interfaceIndex());
      for (Link link : outer.values()) {
        if (devices.contains(link.index())) {
          int mtu = way.mtu() == 0 ? link.mtu() : Math.min(way.mtu(), link.mtu());
          underlay.merge(link.name(), mtu, Math::min);
        }
      }
      IpAddress source = way.source();
      if (source != null) {
        sources.put(node, source);
      }
    }
    Set<IpAddress> local = new TreeSet<>();
    Map<String, Set<Prefix>> subnets = new HashMap<>();
    for (Address address : links.addresses()) {
      Link link = byIndex.get(address.interfaceIndex());
      if (link != null && !address.address().isLinkLocalV6()) {
        subnets
            .computeIfAbsent(link.name(), name -> new TreeSet<>())
            .add(new Prefix(address.address(), address.length()));
      }
      if (address.usable()) {
        local.add(address.address());
      }
    }
    List<Device> devices = links.devices();
    Set<Integer> overlayPorts = new TreeSet<>();
    devices.stream().map(Device::vxlanPort).filter(port -> port != 0).forEach(overlayPorts::add);
    List<String> physical = Devices.physical(devices, underlay.keySet());
    return new HostFacts(underlay, local, subnets, sources, physical, overlayPorts);
  }
}
