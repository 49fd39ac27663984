// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import dev.culvert.daemon.config.InterfaceAddress;
import dev.culvert.routing.BlindSpot;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.plan.KernelPlan;
import dev.culvert.tunnel.kernel.BlindSpots;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.GuardCheck;
import dev.culvert.tunnel.kernel.GuardTable;
import dev.culvert.tunnel.kernel.GuardTable.Count;
import dev.culvert.tunnel.kernel.HostFacts;
import dev.culvert.tunnel.kernel.Keeper;
import dev.culvert.tunnel.kernel.Links;
import dev.culvert.tunnel.kernel.Netlink;
import dev.culvert.tunnel.kernel.PlanApplier;
import dev.culvert.tunnel.kernel.Sysctls;
import dev.culvert.tunnel.kernel.TunQueues;
import java.io.IOException;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.stream.Collectors;

/** This network namespace, through netlink and nft. */
public final class KernelNetwork implements Network {
  @Override
  public List<BlindSpot.Found> blindSpots(Collection<String> underlay) throws IOException {
    return BlindSpots.find(underlay);
  }

  @Override
  public Optional<String> guardFault() {
    return GuardCheck.fault();
  }

  @Override
  public Optional<String> stranger(String interfaceName) throws IOException {
    try (Netlink netlink = Netlink.open()) {
      return new Links(netlink).stranger(interfaceName);
    }
  }

  @Override
  public Optional<TunQueues> tunQueues(String interfaceName) throws IOException {
    try (Netlink netlink = Netlink.open()) {
      Links links = new Links(netlink);
      return links.find(interfaceName).isEmpty()
          ? Optional.empty()
          : Optional.of(links.tunQueues(interfaceName));
    }
  }

  @Override
  public Set<IpAddress> ownAddresses() {
    try {
      return NetworkInterface.networkInterfaces()
          .flatMap(NetworkInterface::inetAddresses)
          .filter(address -> !address.isLoopbackAddress())
          .map(address -> IpAddress.ofBytes(address.getAddress()))
          .collect(Collectors.toSet());
    } catch (SocketException e) {
      return Set.of(); // There is no device.
    }
  }

  @Override
  public HostFacts facts(Collection<IpAddress> nodes, String tunnel, int mark) throws IOException {
    try (Netlink netlink = Netlink.open()) {
      return HostFacts.read(netlink, nodes, tunnel, mark);
    }
  }

  @Override
  public KeptPlan keep(KernelPlan plan, Keeper.Listener listener) throws IOException {
    Keeper keeper = Keeper.start(plan, listener);
    return new KeptPlan() {
      @Override
      public void update(KernelPlan newPlan) throws IOException {
        keeper.update(newPlan);
      }

      @Override
      public void close() {
        keeper.close();
      }
    };
  }

  @Override
  public void load(KernelPlan plan) throws IOException {
    try (PlanApplier applier = PlanApplier.open()) {
      List<String> failures = applier.apply(plan).failures();
      if (!failures.isEmpty()) {
        throw new IOException(
            "the guard stands, but the kernel refused: " + String.join("; ", failures));
      }
    }
  }

  @Override
  public List<String> remove() throws IOException {
    try (PlanApplier applier = PlanApplier.open()) {
      return applier.remove();
    }
  }

  @Override
  public Optional<String> setting(String key) throws IOException {
    return Sysctls.read(key);
  }

  @Override
  public void setting(String key, String value) throws IOException {
    Sysctls.write(key, value);
  }

  @Override
  public SortedMap<String, Count> counters() throws IOException {
    return GuardTable.counters();
  }

  @Override
  public void configureLink(
      String interfaceName,
      int mtu,
      Collection<InterfaceAddress> added,
      Collection<InterfaceAddress> removed)
      throws IOException {
    try (Netlink netlink = Netlink.open()) {
      Links links = new Links(netlink);
      Links.Link link = links.get(interfaceName);
      if (mtu != 0 && mtu != link.mtu()) {
        links.setMtu(link.index(), mtu);
      }
      for (InterfaceAddress address : added) {
        links.addAddress(link.index(), address.address(), address.length());
      }
      for (InterfaceAddress address : removed) {
        removeAddress(links, link.index(), address);
      }
      links.setUp(link.index(), true);
    }
  }

  private static void removeAddress(Links links, int index, InterfaceAddress address)
      throws IOException {
    try {
      links.deleteAddress(index, address.address(), address.length());
    } catch (ErrnoException e) {
      if (e.errno() != Errno.EADDRNOTAVAIL) {
        throw e;
      }
    }
  }
}
