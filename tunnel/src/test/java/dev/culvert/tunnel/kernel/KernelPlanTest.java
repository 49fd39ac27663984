// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.BlindSpot;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.plan.Guard;
import dev.culvert.routing.plan.GuardText;
import dev.culvert.routing.plan.KernelPlan;
import dev.culvert.routing.plan.RoutePlan;
import dev.culvert.routing.plan.RulePlan;
import dev.culvert.tunnel.kernel.PlanApplier.Outcome;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@link PlanApplier} brings a real kernel into the state of a plan and leaves entries of others
 * alone, and the keeper repairs entries that others undo.
 */
@Tag("integration")
class KernelPlanTest {
  private static final String ECMP =
      "ip route add default nexthop via 10.0.0.2 nexthop via 10.1.0.2 && "
          + "ip route add default nexthop via fd00::2 nexthop via fd01::2";

  private NetworkNamespace namespace;
  private PlanApplier applier;

  @BeforeEach
  void makeNode() throws Exception {
    namespace = NetworkNamespace.create();
    namespace.exec("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0");
    namespace.exec("ip", "address", "add", "10.0.0.1/24", "dev", "eth0");
    namespace.exec("ip", "address", "add", "fd00::1/64", "dev", "eth0", "nodad");
    namespace.exec("ip", "link", "set", "eth0", "up");
    namespace.exec("ip", "link", "set", "peer0", "up");
    addTunnel();
    applier = namespace.call(PlanApplier::open);
  }

  private void addTunnel() throws Exception {
    namespace.exec("ip", "tuntap", "add", "tun0", "mode", "tun");
  }

  @AfterEach
  void leave() {
    applier.close();
    namespace.close();
  }

  private Outcome apply(KernelPlan plan) throws Exception {
    return namespace.call(() -> applier.apply(plan));
  }

  /** The kernel's state that steers packets, in the words of its tools. */
  private String state() throws Exception {
    return namespace.exec("ip", "rule")
        + namespace.exec("ip", "-6", "rule")
        + namespace.exec("ip", "route", "show", "table", "all", "proto", "199")
        + namespace.exec("ip", "-6", "route", "show", "table", "all", "proto", "199")
        + namespace.call(() -> GuardTable.text().orElse("no guard\n"));
  }

  @Test
  void thePlanStandsAndASecondApplicationChangesNothing() throws Exception {
    Outcome first = apply(Plans.worker());
    assertEquals(List.of(), first.failures());
    assertEquals(List.of(), first.waiting());
    assertEquals("load guard", first.changes().getFirst());
    String state = state();
    assertTrue(
        state.contains(
            "200:\tfrom all to 10.0.0.2 iif lo ipproto tcp dport 6443 lookup main proto 199"),
        state);
    assertTrue(state.contains("100:\tfrom all fwmark 0x100/0xf00 lookup main proto 199"), state);
    assertTrue(state.contains("unreachable default"), state);
    assertTrue(state.contains("10.0.0.2 dev tun0 table 7101 scope link src 10.0.0.1"), state);
    assertTrue(state.contains("mtu 1380"), state);
    assertEquals(new Outcome(List.of(), List.of(), List.of()), apply(Plans.worker()));
    // Another process, that remembers nothing, finds it as planned too.
    try (PlanApplier other = namespace.call(PlanApplier::open)) {
      assertEquals(List.of(), namespace.call(() -> other.apply(Plans.worker())).changes());
    }
    assertEquals(state, state());
  }

  @Test
  void aPlanThatDiffersChangesJustThat() throws Exception {
    apply(Plans.worker());
    KernelPlan before = Plans.worker();
    Prefix more = Prefix.parse("10.244.3.0/24");
    List<RulePlan> rules = new ArrayList<>(before.rules());
    rules.removeIf(rule -> rule.priority() == 220 && rule.v4());
    rules.add(RulePlan.to(210, more, Plans.TABLE));
    List<RoutePlan> routes = new ArrayList<>(before.routes());
    routes.removeIf(route -> Prefix.host(Plans.REMOTE).equals(route.destination()));
    routes.add(new RoutePlan(Plans.TABLE, more, "tun0", Plans.LOCAL, 10, 0));
    KernelPlan after =
        new KernelPlan(
            Plans.TABLE,
            before.links(),
            before.addresses(),
            routes,
            rules,
            before.sysctls(),
            before.guard());
    Outcome outcome = apply(after);
    assertEquals(4, outcome.changes().size(), outcome.toString());
    assertTrue(outcome.changes().getFirst().startsWith("add route 10.244.3.0/24"), "" + outcome);
    assertTrue(outcome.changes().get(1).startsWith("add "), "" + outcome);
    assertTrue(outcome.changes().get(2).startsWith("delete "), "" + outcome);
    assertTrue(outcome.changes().getLast().startsWith("delete route 10.0.0.2/32"), "" + outcome);
    assertEquals(List.of(), apply(after).changes());
  }

  @Test
  void whatOthersMadeIsLeftAlone() throws Exception {
    namespace.exec("ip", "rule", "add", "priority", "220", "to", "10.0.0.9", "lookup", "main");
    namespace.exec("ip", "rule", "add", "priority", "210", "to", "10.244.2.0/24", "lookup", "99");
    namespace.exec("ip", "route", "add", "10.77.0.0/16", "dev", "eth0");
    namespace.exec(
        "nft", "add table inet other; add chain inet other c; add rule inet other c accept");
    String rules = namespace.exec("ip", "rule");
    String routes = namespace.exec("ip", "route");
    apply(Plans.worker());
    apply(Plans.plan(1400, List.of(), List.of()));
    namespace.call(applier::remove);
    assertEquals(rules, namespace.exec("ip", "rule"));
    assertEquals(routes, namespace.exec("ip", "route"));
    assertEquals("table inet other\n", namespace.exec("nft", "list", "tables"));
    assertTrue(rules.startsWith("0:\tfrom all lookup local\n"), rules);
  }

  @Test
  void withoutItsDeviceTheTunnelsTableLeadsNowhere() throws Exception {
    namespace.exec("ip", "link", "delete", "tun0");
    Outcome outcome = apply(Plans.worker());
    assertEquals(List.of(), outcome.failures());
    assertFalse(outcome.waiting().isEmpty());
    for (String destination :
        List.of("10.0.0.2", "10.244.2.1", "10.244.77.1", "fd00::2", "fd44:77::1")) {
      IOException e =
          assertThrows(IOException.class, () -> namespace.exec("ip", "route", "get", destination));
      assertTrue(String.valueOf(e.getMessage()).contains("No route to host"), "" + e);
    }
    assertTrue(namespace.exec("ip", "route", "get", "10.0.0.2", "mark", "0x100").contains("eth0"));
    addTunnel();
    assertEquals(List.of(), apply(Plans.worker()).waiting());
    assertTrue(namespace.exec("ip", "route", "get", "10.244.2.1").contains("dev tun0"));
    namespace.exec("ip", "link", "delete", "tun0");
    assertThrows(IOException.class, () -> namespace.exec("ip", "route", "get", "10.244.2.1"));
  }

  @Test
  void nothingIsSteeredWithoutAGuard() throws Exception {
    try (PlanApplier broken =
        namespace.call(
            () -> PlanApplier.open(guard -> "table inet culvert { nonsense }", LinkGuard::fault))) {
      String before = state();
      IOException e =
          assertThrows(IOException.class, () -> namespace.call(() -> broken.apply(Plans.worker())));
      assertTrue(String.valueOf(e.getMessage()).contains("guard"), "" + e);
      assertEquals(before, state());
    }
  }

  @Test
  void whatOthersPutIntoTheGuardGoes() throws Exception {
    apply(Plans.worker());
    namespace.exec("nft", "insert rule inet culvert egress accept");
    namespace.exec("nft", "add set inet culvert mine { type ipv4_addr; }");
    assertEquals(List.of("load guard"), apply(Plans.worker()).changes());
    assertEquals(List.of(), apply(Plans.worker()).changes());
  }

  @Test
  void aTamperedSettingIsSetAgain() throws Exception {
    apply(Plans.worker());
    namespace.call(
        () -> {
          Sysctls.write("net/ipv4/conf/eth0/src_valid_mark", "0");
          return null;
        });
    assertEquals(
        List.of("set net/ipv4/conf/eth0/src_valid_mark to 1"), apply(Plans.worker()).changes());
  }

  @Test
  void ciliumIsFoundByItsDeviceAndItsRules() throws Exception {
    assertEquals(List.of(), blindSpots());
    namespace.exec("ip", "rule", "add", "priority", "9", "fwmark", "0x200/0xf00", "lookup", "2004");
    String byRule = blindSpots().toString();
    assertTrue(byRule.contains("cilium (") && byRule.contains("0x200/0xf00"), byRule);
    namespace.exec(
        "ip", "link", "add", "cilium_host", "type", "veth", "peer", "name", "cilium_net");
    String byDevice = blindSpots().toString();
    assertTrue(byDevice.contains("device cilium_host, device cilium_net"), byDevice);
  }

  @Test
  void whatTakesPacketsPastTheGuardIsFound() throws Exception {
    namespace.exec("ip", "link", "add", "mv0", "link", "eth0", "type", "macvlan");
    assertTrue(blindSpots().toString().contains("macvlan (device mv0 on eth0)"));
    namespace.exec("ip", "link", "delete", "mv0");
    namespace.exec("ip", "link", "add", "br0", "type", "bridge");
    namespace.exec("ip", "link", "set", "eth0", "master", "br0");
    assertEquals(List.of(), blindSpots(), "a port alone has nobody to pass frames to");
    namespace.exec("ip", "link", "add", "other0", "type", "veth", "peer", "name", "other1");
    namespace.exec("ip", "link", "set", "other0", "master", "br0");
    assertTrue(blindSpots().toString().contains("bridge (eth0 is a bridge's port beside others)"));
  }

  /** Of a macvlan in another namespace nothing is seen but its address. */
  @Test
  void aMacvlanOfAPodIsFound() throws Exception {
    try (NetworkNamespace pod = NetworkNamespace.create()) {
      namespace.exec(
          "ip",
          "link",
          "add",
          "mv0",
          "link",
          "eth0",
          "netns",
          pod.path(),
          "type",
          "macvlan",
          "mode",
          "bridge");
      pod.exec("ip", "link", "set", "mv0", "up");
      assertTrue(blindSpots().toString().startsWith("[macvlan (eth0 receives for another"));
    }
  }

  @Test
  void withoutAnEgressHookTheFirstLayerStandsAndThatIsTold() throws Exception {
    Supplier<Optional<String>> none = () -> Optional.of("no such hook");
    try (PlanApplier old = namespace.call(() -> PlanApplier.open(GuardText::of, none))) {
      Outcome outcome = namespace.call(() -> old.apply(Plans.worker()));
      assertEquals(List.of(), outcome.failures());
      assertTrue(namespace.call(GuardTable::text).isPresent());
      assertEquals(Optional.empty(), namespace.call(LinkGuard::text));
    }
    String spots =
        namespace
            .call(() -> BlindSpots.find(List.of("eth0"), Path.of("/nonexistent"), none))
            .toString();
    assertTrue(spots.startsWith("[no-netdev-egress (no such hook)"), spots);
    apply(Plans.worker());
    assertTrue(namespace.call(LinkGuard::text).orElse("").contains("hook egress [eth0] priority"));
    // Whoever takes it away finds it there again.
    namespace.exec("nft", "delete", "table", "netdev", "culvert");
    assertEquals(List.of("load the guard of the link layer"), apply(Plans.worker()).changes());
  }

  private List<BlindSpot.Found> blindSpots() throws Exception {
    return namespace.call(
        () -> BlindSpots.find(List.of("eth0"), Path.of("/nonexistent"), LinkGuard::fault));
  }

  @Test
  void theUnderlayIsWhereMarkedPacketsLeave() throws Exception {
    apply(Plans.worker());
    HostFacts facts =
        namespace.call(
            () -> {
              try (Netlink netlink = Netlink.open()) {
                return HostFacts.read(netlink, List.of(Plans.REMOTE, Plans.REMOTE6), "tun0", 0x100);
              }
            });
    assertEquals(Map.of("eth0", 1500), facts.underlay());
    assertEquals(Plans.LOCAL, facts.sources().get(Plans.REMOTE));
    assertEquals(Plans.LOCAL6, facts.sources().get(Plans.REMOTE6));
    assertTrue(
        facts
            .localAddresses()
            .containsAll(Set.of(Plans.LOCAL, Plans.LOCAL6, IpAddress.parse("::1"))));
  }

  private HostFacts facts(int mark, IpAddress... nodes) throws Exception {
    return namespace.call(
        () -> {
          try (Netlink netlink = Netlink.open()) {
            return HostFacts.read(netlink, List.of(nodes), "tun0", mark);
          }
        });
  }

  /** As while a lease is renewed: main has no way to the node. */
  @Test
  void markedPacketsFindNoWayRatherThanTheTunnel() throws Exception {
    apply(Plans.worker());
    assertEquals(List.of(), apply(Plans.worker()).changes(), "the rule is found again");
    namespace.exec("ip", "address", "flush", "dev", "eth0");
    for (String node : List.of("10.0.0.2", "fd00::2")) {
      assertTrue(namespace.exec("ip", "route", "get", node).contains("dev tun0"), node);
      IOException e =
          assertThrows(
              IOException.class,
              () -> namespace.exec("ip", "route", "get", node, "mark", "0x100"),
              node);
      assertTrue(String.valueOf(e.getMessage()).contains("unreachable"), "" + e);
    }
    assertEquals(Map.of(), facts(0x100, Plans.REMOTE, Plans.REMOTE6).underlay());
  }

  @Test
  void theTunnelIsNeverTheUnderlay() throws Exception {
    apply(Plans.worker());
    HostFacts facts = facts(0, Plans.REMOTE, Plans.REMOTE6);
    assertEquals(Map.of(), facts.underlay());
    assertEquals(Map.of(), facts.sources());
  }

  @Test
  void theUnderlayIsEveryNextHopOfARoute() throws Exception {
    namespace.exec(
        "ip", "link", "add", "eth1", "mtu", "1400", "type", "veth", "peer", "name", "p1");
    namespace.exec("ip", "address", "add", "10.1.0.1/24", "dev", "eth1");
    namespace.exec("ip", "address", "add", "fd01::1/64", "dev", "eth1", "nodad");
    namespace.exec("ip", "link", "set", "eth1", "up");
    namespace.exec("ip", "link", "set", "p1", "up");
    namespace.exec("sh", "-c", ECMP);
    for (String node : List.of("192.0.2.9", "2001:db8::9")) {
      assertEquals(
          Map.of("eth0", 1500, "eth1", 1400), facts(0, IpAddress.parse(node)).underlay(), node);
    }
  }

  // ---- the keeper

  private final BlockingQueue<String> heard = new LinkedBlockingQueue<>();

  private volatile boolean deadly;

  private Keeper keep(KernelPlan plan) throws Exception {
    return namespace.call(() -> Keeper.start(plan, new Heard()));
  }

  private final class Heard implements Keeper.Listener {
    @Override
    public void repaired(List<String> changes, int ofGuard) {
      heard.add("repaired " + changes);
    }

    @Override
    public void hostChanged() {
      heard.add("host");
      if (deadly) {
        throw new AssertionError("on purpose");
      }
    }

    @Override
    public void completed(List<String> changes) {
      heard.add("completed " + changes);
    }

    @Override
    public void ended(Throwable cause) {
      heard.add("ended " + cause.getMessage());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ip rule flush",
        "ip -6 rule flush",
        "ip route flush table 7101",
        "ip -6 route flush table 7101",
        "nft flush ruleset",
        "nft delete table inet culvert",
        "nft insert rule inet culvert egress accept",
        "ip rule delete priority 230",
        "ip link set tun0 mtu 1300",
        "ip link set tun0 down",
        "sysctl -qw net.ipv4.conf.eth0.src_valid_mark=0",
      })
  void whatOthersUndoIsRepaired(String command, TestReporter reporter) throws Exception {
    try (Keeper keeper = keep(Plans.worker())) {
      assertEquals(List.of(), keeper.update(Plans.worker()).changes());
      String planned = state();
      heard.clear();
      namespace.exec(command.split(" "));
      long start = System.nanoTime();
      String event;
      do {
        event = heard.poll(10, TimeUnit.SECONDS);
        assertTrue(event != null, "no repair after: " + command);
      } while (event.equals("host"));
      long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
      reporter.publishEntry(command, millis + " ms");
      // A flush that was caught half way takes a second repair, which an update would forestall.
      while (heard.poll(300, TimeUnit.MILLISECONDS) != null) {}
      assertEquals(List.of(), keeper.update(Plans.worker()).changes());
      // The kernel's own rules are no business of ours: a flush of rules takes them away too.
      assertEquals(ours(planned), ours(state()));
    }
  }

  @Test
  void rulesAreRepairedThoughTheGuardCannotBe() throws Exception {
    Queue<String> scripts = new ArrayDeque<>(List.of(GuardText.of(Plans.worker().guard())));
    Function<Guard, String> once = guard -> Optional.ofNullable(scripts.poll()).orElse("nonsense");
    try (Keeper keeper =
            namespace.call(
                () ->
                    Keeper.start(
                        Plans.worker(), new Heard(), PlanApplier.open(once, LinkGuard::fault)));
        Netlink routing = namespace.call(Netlink::open)) {
      List<RulePlan> planned = new Rules(routing).list();
      namespace.exec("sh", "-c", "nft flush ruleset; ip rule flush; ip -6 rule flush");
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      while (!new Rules(routing).list().containsAll(planned)) {
        assertTrue(System.nanoTime() - end < 0, "the rules do not come back");
        Thread.sleep(10);
      }
      assertEquals(Optional.empty(), namespace.call(GuardTable::text));
      assertThrows(IOException.class, () -> keeper.update(Plans.worker()));
    }
  }

  /** Until the first of both is back, packets can leave: the test logs for how long. */
  @Test
  void rulesAndGuardTakenAtOnceComeBack() throws Exception {
    List<Long> rulesBack = new ArrayList<>();
    List<Long> guardBack = new ArrayList<>();
    for (int round = 0; round < 5; round++) {
      try (Keeper keeper = keep(Plans.worker());
          Netlink nftables = namespace.call(() -> Netlink.open(Netlink.NETLINK_NETFILTER, 1 << 6));
          Netlink routing = namespace.call(Netlink::open)) {
        assertEquals(List.of(), keeper.update(Plans.worker()).failures());
        String planned = state();
        int rules = new Rules(routing).list().size();
        namespace.exec("sh", "-c", "nft flush ruleset & ip rule flush & ip -6 rule flush & wait");
        long start = System.nanoTime();
        CompletableFuture<Long> guard =
            CompletableFuture.supplyAsync(
                () -> {
                  awaitGuard(nftables);
                  return System.nanoTime() - start;
                });
        long end = start + TimeUnit.SECONDS.toNanos(30);
        while (new Rules(routing).list().size() < rules) {
          assertTrue(System.nanoTime() - end < 0, "the rules do not come back");
          Thread.sleep(1);
        }
        rulesBack.add(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
        guardBack.add(TimeUnit.NANOSECONDS.toMillis(guard.get(30, TimeUnit.SECONDS)));
        keeper.update(Plans.worker());
        assertEquals(ours(planned), ours(state()));
      }
    }
    System.out.printf(
        "FIGURE rules and guard taken at once: rules back after %s ms, guard after %s ms%n",
        rulesBack, guardBack);
  }

  /** Hears of it, since asking takes as long as repairing. */
  private void awaitGuard(Netlink nftables) {
    try {
      boolean there = false;
      while (!there) {
        Poll.readable(Poll.FOREVER, nftables.fd());
        there = hearsOfGuard(nftables);
      }
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private boolean hearsOfGuard(Netlink nftables) throws Exception {
    try {
      boolean there = false;
      for (NetlinkMessage message : nftables.receiveNow("news")) {
        there |= GuardTable.concerns(message) && (message.type() & 0xff) == 0;
      }
      return there;
    } catch (ErrnoException e) {
      assertEquals(Errno.ENOBUFS, e.errno());
      return namespace.call(GuardTable::text).isPresent();
    }
  }

  private static List<String> ours(String state) {
    return state.lines().filter(line -> !line.matches("3276[67]:.*")).toList();
  }

  @Test
  void aRepairIsNotAnsweredByAnother() throws Exception {
    try (Keeper keeper = keep(Plans.worker())) {
      namespace.exec("ip", "rule", "delete", "priority", "230");
      String event;
      do {
        event = heard.poll(10, TimeUnit.SECONDS);
      } while (event != null && event.equals("host"));
      assertTrue(String.valueOf(event).startsWith("repaired"), "" + event);
      for (String more = ""; more != null; more = heard.poll(1500, TimeUnit.MILLISECONDS)) {
        assertFalse(more.startsWith("repaired"), more);
      }
      assertEquals(List.of(), keeper.update(Plans.worker()).changes());
    }
  }

  @Test
  void aDeviceThatComesBackGetsItsRoutes() throws Exception {
    try (Keeper keeper = keep(Plans.worker())) {
      String planned = state();
      namespace.exec("ip", "link", "delete", "tun0");
      assertTrue(String.valueOf(heard.poll(10, TimeUnit.SECONDS)).equals("host"));
      // That may have been older news. An entry that goes and comes within a moment is others'
      // doing.
      assertFalse(keeper.update(Plans.worker()).waiting().isEmpty());
      heard.clear();
      addTunnel();
      String event;
      do {
        event = heard.poll(10, TimeUnit.SECONDS);
        assertTrue(event != null, "nothing came");
        assertFalse(event.startsWith("repaired"), "a false alarm: " + event);
      } while (!event.contains("add route 10.244.2.0/24"));
      assertTrue(event.startsWith("completed"), event);
      assertEquals(List.of(), keeper.update(Plans.worker()).changes());
      assertEquals(planned.lines().sorted().toList(), state().lines().sorted().toList());
    }
  }

  @Test
  void allStaysWhenTheKeeperGoes() throws Exception {
    Keeper keeper = keep(Plans.worker());
    String planned = state();
    keeper.close();
    keeper.close();
    assertEquals(planned, state());
    assertThrows(IOException.class, () -> keeper.update(Plans.worker()));
  }

  @Test
  void aKeeperThatDiesSaysSoAndLeavesAllInPlace() throws Exception {
    Keeper keeper = keep(Plans.worker());
    String planned = state();
    deadly = true;
    namespace.exec("ip", "link", "set", "peer0", "mtu", "1400");
    String event;
    do {
      event = heard.poll(10, TimeUnit.SECONDS);
      assertTrue(event != null, "it died without a word");
    } while (!event.equals("ended on purpose"));
    assertThrows(IOException.class, () -> keeper.update(Plans.worker()));
    keeper.close();
    assertEquals(planned, state());
  }
}
