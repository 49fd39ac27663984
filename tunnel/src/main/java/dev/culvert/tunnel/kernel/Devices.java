// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Conclusions from the relations between devices. */
final class Devices {
  private Devices() {}

  /** The devices of those names and the devices that they send through: parents and ports. */
  static List<Device> withLower(List<Device> all, Collection<String> names) {
    Deque<Device> open = new ArrayDeque<>();
    all.stream().filter(device -> names.contains(device.name())).forEach(open::add);
    Set<Device> reached = new LinkedHashSet<>();
    while (!open.isEmpty()) {
      Device device = open.remove();
      if (reached.add(device)) {
        all.stream()
            .filter(lower -> lower.index() == device.parent() || isPort(lower, device))
            .forEach(open::add);
      }
    }
    return List.copyOf(reached);
  }

  /**
   * Whether {@code port} is a port of {@code of} that leads away from this host: of a bridge's
   * ports, only physical devices do.
   */
  private static boolean isPort(Device port, Device of) {
    return port.master() == of.index() && (!of.kind().equals("bridge") || !isLocal(port.kind()));
  }

  private static boolean isLocal(String kind) {
    return kind.equals("veth") || kind.equals("tun") || kind.equals("vxlan");
  }

  /** The devices through which packets finally leave the host. */
  static List<String> physical(List<Device> all, Collection<String> underlay) {
    Set<Device> devices = new LinkedHashSet<>(withLower(all, underlay));
    all.stream()
        .filter(device -> device.ethernet() && device.kind().isEmpty())
        .forEach(devices::add);
    return devices.stream().map(Device::name).filter(name -> !name.equals("lo")).sorted().toList();
  }
}
