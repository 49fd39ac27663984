// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.plan.PlanCompiler;
import dev.culvert.routing.plan.RulePlan;
import dev.culvert.tunnel.kernel.Links.Link;
import dev.culvert.tunnel.kernel.Routes.Route;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Links, addresses and routes change in a real kernel as asked through rtnetlink, and the monitor
 * of links tells of changes that anybody makes.
 */
@Tag("integration")
class NetlinkTest {
  private NetworkNamespace namespace;
  private Netlink netlink;
  private Links links;
  private Routes routes;
  private int veth;

  @BeforeEach
  void enterNamespace() throws Exception {
    namespace = NetworkNamespace.create();
    namespace.exec("ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth1");
    netlink = namespace.call(Netlink::open);
    links = new Links(netlink);
    routes = new Routes(netlink);
    veth = links.get("veth0").index();
  }

  @AfterEach
  void leaveNamespace() {
    netlink.close();
    namespace.close();
  }

  private JsonNode ip(String... arguments) throws Exception {
    String[] command = new String[arguments.length + 2];
    command[0] = "ip";
    command[1] = "-j";
    System.arraycopy(arguments, 0, command, 2, arguments.length);
    return new ObjectMapper().readTree(namespace.exec(command));
  }

  private void bothUp() throws Exception {
    links.setUp(veth, true);
    links.setUp(links.get("veth1").index(), true);
  }

  @Test
  void aLinkIsFoundByNameAndByIndex() throws Exception {
    Link link = links.get("veth0");
    assertEquals(ip("link", "show", "veth0").get(0).get("ifindex").asInt(), link.index());
    assertEquals(link, links.get(link.index()));
    assertEquals(1500, link.mtu());
    assertFalse(link.up());
    assertEquals(
        List.of("lo", "veth0", "veth1"), links.list().stream().map(Link::name).sorted().toList());
    assertTrue(links.find("nothing").isEmpty());
    ErrnoException e = assertThrows(ErrnoException.class, () -> links.get("nothing"));
    assertEquals(Errno.ENODEV, e.errno());
  }

  @Test
  void onlyATunDeviceThatNobodyServesCanBecomeATunnel() throws Exception {
    ip("tuntap", "add", "dev", "tun7", "mode", "tun", "multi_queue");
    assertEquals(Optional.empty(), links.stranger("tun7"));
    assertEquals(Optional.empty(), links.stranger("nothing"));
    assertEquals(Optional.of("it is no TUN device"), links.stranger("veth0"));
    String hold =
        """
        import fcntl, struct, sys
        tun = open("/dev/net/tun", "r+b", buffering=0)
        fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH22x", b"tun7", 0x1101))
        print("held", flush=True)
        sys.stdin.read()
        """;
    Process holder = namespace.start("python3", "-c", hold);
    try {
      assertEquals("held", holder.inputReader().readLine());
      links.setUp(links.get("tun7").index(), true);
      assertEquals(Optional.of("it is in use by another"), links.stranger("tun7"));
    } finally {
      holder.destroy();
    }
  }

  @ParameterizedTest
  @CsvSource({"10.9.0.0/16, 10.8.0.0/16", "fd09::/16, fd08::/16"})
  void theKernelTellsWhoseChangeOfRoutesAndRulesItIs(Prefix ours, Prefix others) throws Exception {
    bothUp();
    int groups = 0x40 | 0x80 | 0x400 | 1 << 18; // RTMGRP_IPV4_ROUTE, _RULE, and the same of IPv6
    try (Netlink news = namespace.call(() -> Netlink.open(Netlink.NETLINK_ROUTE, groups))) {
      Route unreachable = new Route(ours, 0, 100, 2000, null);
      Route toDevice = new Route(ours, veth, 100, 2000, null);
      RulePlan rule = RulePlan.to(210, ours, 100);
      routes.add(unreachable);
      routes.replace(toDevice);
      routes.delete(toDevice);
      new Rules(netlink).add(rule);
      new Rules(netlink).delete(rule);
      namespace.exec("ip", "route", "add", others.toString(), "dev", "veth0", "table", "101");
      List<Boolean> made = new ArrayList<>();
      List<Integer> types = new ArrayList<>();
      while (!made.contains(false) && Poll.readable(10_000, news.fd())) {
        for (NetlinkMessage message : news.receiveNow("news")) {
          if (Routes.concerns(message, Set.of(100, 101)) || message.type() >= Rules.RTM_NEWRULE) {
            types.add(message.type());
            made.add(netlink.made(message));
          }
        }
      }
      assertEquals(List.of(true, true, true, true, true, false), made, types::toString);
    }
  }

  @Test
  void aLinkIsSetUpAndDown() throws Exception {
    links.setUp(veth, true);
    assertTrue(ip("link", "show", "veth0").get(0).get("flags").toString().contains("\"UP\""));
    assertTrue(links.get(veth).up());
    links.setUp(veth, false);
    assertFalse(links.get(veth).up());
  }

  @Test
  void theMtuIsSetAndARefusalCarriesTheKernelsWords() throws Exception {
    links.setMtu(veth, 1380);
    assertEquals(1380, ip("link", "show", "veth0").get(0).get("mtu").asInt());
    ErrnoException e = assertThrows(ErrnoException.class, () -> links.setMtu(veth, 20));
    assertEquals(Errno.EINVAL, e.errno());
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains("mtu less than device minimum"), message);
    assertEquals(1380, links.get(veth).mtu());
  }

  @ParameterizedTest
  @ValueSource(strings = {"10.1.2.3/24", "fd00::3/64"})
  void anAddressWithHostBitsIsAddedOnceAndDeleted(String text) throws Exception {
    int slash = text.indexOf('/');
    IpAddress address = IpAddress.parse(text.substring(0, slash));
    int length = Integer.parseInt(text.substring(slash + 1));
    links.addAddress(veth, address, length);
    links.addAddress(veth, address, length);
    JsonNode shown = ip("addr", "show", "veth0").get(0).get("addr_info");
    assertEquals(1, shown.size());
    assertEquals(address.toString(), shown.get(0).get("local").asText());
    assertEquals(length, shown.get(0).get("prefixlen").asInt());
    links.deleteAddress(veth, address, length);
    ErrnoException e =
        assertThrows(ErrnoException.class, () -> links.deleteAddress(veth, address, length));
    assertEquals(Errno.EADDRNOTAVAIL, e.errno());
  }

  @Test
  void aLinkIsDeleted() throws Exception {
    links.delete(veth);
    assertTrue(links.find("veth0").isEmpty());
    assertTrue(links.find("veth1").isEmpty());
  }

  @ParameterizedTest
  @ValueSource(strings = {"10.20.0.0/16", "fd20::/32", "0.0.0.0/0", "::/0"})
  void aRouteIsAddedListedAndDeleted(String destination) throws Exception {
    bothUp();
    Route route = new Route(Prefix.parse(destination), veth, 777, 50, null);
    routes.add(route);
    assertEquals(List.of(route), routes.list(777));
    String family = destination.contains(":") ? "-6" : "-4";
    JsonNode shown = ip(family, "route", "show", "table", "777");
    assertEquals(1, shown.size());
    assertEquals("veth0", shown.get(0).get("dev").asText());
    assertEquals(50, shown.get(0).get("metric").asInt());
    assertEquals("199", shown.get(0).get("protocol").asText());
    ErrnoException e = assertThrows(ErrnoException.class, () -> routes.add(route));
    assertEquals(Errno.EEXIST, e.errno());
    routes.replace(route);
    routes.delete(route);
    assertEquals(List.of(), routes.list(777));
    assertEquals(
        Errno.ESRCH, assertThrows(ErrnoException.class, () -> routes.delete(route)).errno());
  }

  @ParameterizedTest
  @ValueSource(strings = {"10.20.0.0/16", "fd20::/32"})
  void anUnreachableRouteStandsBehindOneToAnInterface(String destination) throws Exception {
    bothUp();
    Route behind = new Route(Prefix.parse(destination), 0, PlanCompiler.MAIN, 4000, null);
    Route before = new Route(Prefix.parse(destination), veth, PlanCompiler.MAIN, 10, null);
    routes.add(behind);
    routes.add(before);
    assertEquals(List.of(before, behind), routes.list(PlanCompiler.MAIN));
    String host = destination.contains(":") ? "fd20::1" : "10.20.0.1";
    assertEquals("veth0", ip("route", "get", host).get(0).get("dev").asText());
    routes.delete(before);
    assertThrows(IOException.class, () -> ip("route", "get", host));
  }

  @Test
  void aRouteCarriesItsSource() throws Exception {
    bothUp();
    IpAddress source = IpAddress.parse("10.1.2.3");
    links.addAddress(veth, source, 24);
    Route route = new Route(Prefix.parse("10.20.0.0/16"), veth, PlanCompiler.MAIN, 0, source);
    routes.add(route);
    assertEquals(List.of(route), routes.list(PlanCompiler.MAIN));
    assertEquals("10.1.2.3", ip("route", "get", "10.20.0.1").get(0).get("prefsrc").asText());
  }

  @Test
  void onlyOurRoutesAreListed() throws Exception {
    bothUp();
    namespace.exec("ip", "route", "add", "10.30.0.0/16", "dev", "veth0");
    assertEquals(List.of(), routes.list(PlanCompiler.MAIN));
    assertEquals(List.of(), routes.list(4711));
  }

  @Test
  void aClosedSocketSaysSo() {
    netlink.close();
    ErrnoException e = assertThrows(ErrnoException.class, links::list);
    assertEquals(Errno.EBADF, e.errno());
  }

  // ---- the monitor

  private final BlockingQueue<LinkEvent> events = new LinkedBlockingQueue<>();

  private LinkMonitor monitor(boolean routing) throws Exception {
    return namespace.call(() -> LinkMonitor.start(routing, events::add, died -> {}));
  }

  private LinkEvent await(Predicate<LinkEvent> wanted) throws Exception {
    while (true) {
      LinkEvent event = events.poll(10, TimeUnit.SECONDS);
      if (event == null) {
        throw new AssertionError("no such event");
      }
      if (wanted.test(event)) {
        return event;
      }
    }
  }

  private static boolean changed(LinkEvent event, Predicate<LinkEvent.Changed> how) {
    return event instanceof LinkEvent.Changed change && how.test(change);
  }

  @Test
  void theMonitorTellsWhatBecomesOfALink() throws Exception {
    try (LinkMonitor monitor = monitor(false)) {
      assertNotNull(monitor);
      namespace.exec("ip", "link", "set", "veth0", "mtu", "1400");
      LinkEvent mtu = await(e -> changed(e, c -> c.before().mtu() != c.after().mtu()));
      assertEquals(1400, ((LinkEvent.Changed) mtu).after().mtu());
      namespace.exec("ip", "link", "set", "veth0", "name", "other0");
      LinkEvent name = await(e -> changed(e, c -> !c.before().name().equals(c.after().name())));
      assertEquals("other0", ((LinkEvent.Changed) name).after().name());
      assertEquals("veth0", ((LinkEvent.Changed) name).before().name());
      namespace.exec("ip", "link", "set", "other0", "up");
      await(e -> changed(e, c -> !c.before().up() && c.after().up()));
      namespace.exec("ip", "link", "del", "other0");
      await(e -> e instanceof LinkEvent.Gone gone && gone.link().name().equals("other0"));
      namespace.exec("ip", "link", "add", "br0", "type", "bridge");
      await(e -> e instanceof LinkEvent.Added added && added.link().name().equals("br0"));
    }
  }

  @Test
  void aLinkThatLeavesItsBridgeIsNotGone() throws Exception {
    namespace.exec("ip", "link", "add", "br0", "type", "bridge");
    namespace.exec("ip", "link", "set", "veth0", "master", "br0");
    try (LinkMonitor monitor = monitor(false)) {
      assertNotNull(monitor);
      namespace.exec("ip", "link", "set", "veth0", "nomaster");
      namespace.exec("ip", "link", "set", "veth0", "mtu", "1444");
      await(
          e -> {
            assertFalse(e instanceof LinkEvent.Gone, e.toString());
            return changed(e, c -> c.after().mtu() == 1444);
          });
    }
  }

  @Test
  void addressesAndRoutesAreToldToWhoAsks() throws Exception {
    bothUp();
    try (LinkMonitor monitor = monitor(true)) {
      assertNotNull(monitor);
      namespace.exec("ip", "addr", "add", "10.1.1.1/32", "dev", "veth0");
      await(e -> e.equals(new LinkEvent.AddressesChanged(veth)));
      namespace.exec("ip", "route", "add", "10.30.0.0/16", "dev", "veth0");
      await(e -> e instanceof LinkEvent.RoutesChanged);
    }
  }

  @Test
  void rulesOfBothFamiliesAreToldToWhoAsks() throws Exception {
    try (LinkMonitor monitor = monitor(true)) {
      assertNotNull(monitor);
      for (String family : List.of("-4", "-6")) {
        namespace.exec("ip", family, "rule", "add", "priority", "77", "lookup", "main");
        await(e -> e instanceof LinkEvent.RulesChanged);
        events.clear();
        namespace.exec("ip", family, "rule", "delete", "priority", "77");
        await(e -> e instanceof LinkEvent.RulesChanged);
        events.clear();
      }
    }
  }

  private boolean leaves(String device, String source, String destination, int mark)
      throws Exception {
    return new RouteLookup(netlink)
        .leavesThrough(
            links.get(device).index(),
            new RouteLookup.Flow(
                IpAddress.parse(source), 51_820, IpAddress.parse(destination), 4242, mark));
  }

  @ParameterizedTest
  @CsvSource({
    "-4, 10.1.0.2, 24, 10.2.0.2, 10.9.0.2, 10.1.0.1, 10.2.0.1",
    "-6, fd01::2, 64, fd02::2, fd09::2, fd01::1, fd02::1"
  })
  void aSourceFitsWhileItsInterfaceIsTheWayBack(
      String family, String first, int length, String second, String to, String via1, String via2)
      throws Exception {
    bothUp();
    String nodad = family.equals("-6") ? " nodad" : "";
    namespace.exec(
        "sh",
        "-c",
        "ip addr add %s/%d dev veth0%s; ip addr add %s/%d dev veth1%s"
            .formatted(first, length, nodad, second, length, nodad));
    // The kernel makes an IPv6 address the host's own a moment after it was added.
    for (int i = 0; i < 500 && !leaves("veth0", first, to, 0); i++) {
      Thread.sleep(10);
    }
    assertTrue(leaves("veth0", first, to, 0), "no way speaks for no other source");
    namespace.exec("ip", family, "route", "add", "default", "via", via1);
    assertTrue(leaves("veth0", first, to, 0));
    assertFalse(leaves("veth1", second, to, 0));
    namespace.exec("ip", family, "route", "add", "default", "via", via2, "table", "200");
    namespace.exec("ip", family, "rule", "add", "fwmark", "0x77", "table", "200");
    assertFalse(leaves("veth0", first, to, 0x77));
    assertTrue(leaves("veth1", second, to, 0x77));
    namespace.exec("ip", family, "rule", "add", "ipproto", "udp", "sport", "51820", "table", "200");
    assertFalse(leaves("veth0", first, to, 0), "the rule is about this port");
    assertTrue(leaves("veth0", first, first, 0), "to the host itself");
  }

  @Test
  void anAddressThatWasTakenAwayIsNoSource() throws Exception {
    bothUp();
    namespace.exec("ip", "addr", "add", "10.1.0.2/24", "dev", "veth0");
    assertTrue(leaves("veth0", "10.1.0.2", "10.1.0.1", 0));
    assertFalse(leaves("veth0", "10.1.0.3", "10.1.0.1", 0));
  }

  @Test
  void newsThatTheKernelHadToDropAreCaughtUpWith() throws Exception {
    CountDownLatch slow = new CountDownLatch(1);
    Consumer<LinkEvent> listener =
        event -> {
          try {
            slow.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
          events.add(event);
        };
    try (LinkMonitor monitor =
        namespace.call(() -> LinkMonitor.start(true, listener, died -> {}))) {
      assertNotNull(monitor);
      for (int mtu = 1000; mtu < 3000; mtu++) {
        links.setMtu(veth, mtu);
      }
      links.delete(veth);
      slow.countDown();
      await(e -> e instanceof LinkEvent.Gone gone && gone.link().index() == veth);
      await(e -> e instanceof LinkEvent.RoutesChanged);
      namespace.exec("ip", "link", "add", "br0", "type", "bridge");
      await(e -> e instanceof LinkEvent.Added added && added.link().name().equals("br0"));
    }
  }

  @Test
  void aListenerThatFailsHearsTheNextEvent() throws Exception {
    Consumer<LinkEvent> failing =
        event -> {
          events.add(event);
          throw new IllegalStateException("on purpose");
        };
    try (LinkMonitor monitor =
        namespace.call(() -> LinkMonitor.start(false, failing, died -> {}))) {
      assertNotNull(monitor);
      links.setMtu(veth, 1400);
      await(e -> changed(e, c -> c.after().mtu() == 1400));
      links.setMtu(veth, 1401);
      await(e -> changed(e, c -> c.after().mtu() == 1401));
    }
  }

  @Test
  void aClosedMonitorTellsNothing() throws Exception {
    LinkMonitor monitor = monitor(false);
    monitor.close();
    monitor.close();
    events.clear();
    namespace.exec("ip", "link", "set", "veth0", "mtu", "1400");
    assertTrue(events.isEmpty());
  }
}
