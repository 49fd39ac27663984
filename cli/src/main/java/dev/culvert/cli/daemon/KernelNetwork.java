package dev.culvert.cli.daemon;

import dev.culvert.cli.config.InterfaceAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.Links;
import dev.culvert.tunnel.kernel.Netlink;
import dev.culvert.tunnel.kernel.Routes;
import dev.culvert.tunnel.kernel.Routes.Route;
import java.io.IOException;
import java.util.Collection;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** This network namespace, through netlink. */
public final class KernelNetwork implements Network {
  /** The worst there is: any other route to the same range goes first. */
  private static final int GUARD_METRIC = Integer.MAX_VALUE;

  /** Subnets of our links' own addresses: the kernel routes them there by itself. */
  private final Map<String, Set<Prefix>> connected = new ConcurrentHashMap<>();

  @Override
  public void guard(Collection<Prefix> prefixes) throws IOException {
    try (Netlink netlink = Netlink.open()) {
      Routes routes = new Routes(netlink);
      for (Prefix prefix : prefixes) {
        routes.replace(Route.unreachable(prefix, GUARD_METRIC));
      }
    }
  }

  @Override
  public void unguard(Collection<Prefix> prefixes) throws IOException {
    try (Netlink netlink = Netlink.open()) {
      Routes routes = new Routes(netlink);
      for (Prefix prefix : prefixes) {
        delete(routes, Route.unreachable(prefix, GUARD_METRIC));
      }
    }
  }

  private static void delete(Routes routes, Route route) throws IOException {
    try {
      routes.delete(route);
    } catch (ErrnoException e) {
      if (e.errno() != Errno.ESRCH) {
        throw e;
      }
    }
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
      Set<Prefix> subnets = new HashSet<>();
      for (InterfaceAddress address : added) {
        links.addAddress(link.index(), address.address(), address.length());
        subnets.add(new Prefix(address.address(), address.length()));
      }
      for (InterfaceAddress address : removed) {
        removeAddress(links, link.index(), address);
      }
      connected.put(interfaceName, subnets);
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

  @Override
  public void route(String interfaceName, Collection<Prefix> prefixes) throws IOException {
    try (Netlink netlink = Netlink.open()) {
      int index = new Links(netlink).get(interfaceName).index();
      Routes routes = new Routes(netlink);
      Set<Prefix> subnets = connected.getOrDefault(interfaceName, Set.of());
      for (Prefix prefix : prefixes) {
        try {
          routes.add(through(index, prefix));
        } catch (ErrnoException e) {
          if (e.errno() != Errno.EEXIST) {
            throw e;
          }
          if (!subnets.contains(prefix)) {
            throw new IOException(
                prefix + " has a route already, and would leave in clear; remove it first", e);
          }
        }
      }
    }
  }

  @Override
  public void unroute(String interfaceName, Collection<Prefix> prefixes) throws IOException {
    try (Netlink netlink = Netlink.open()) {
      int index = new Links(netlink).get(interfaceName).index();
      Routes routes = new Routes(netlink);
      for (Prefix prefix : prefixes) {
        delete(routes, through(index, prefix));
      }
    }
  }

  /** With the best metric there is: for IPv6, 0 would mean 1024. */
  private static Route through(int index, Prefix prefix) {
    int metric = prefix.address().v4() ? 0 : 1;
    return new Route(prefix, index, Routes.MAIN_TABLE, metric, null);
  }
}
