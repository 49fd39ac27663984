// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.Prefix;
import dev.culvert.routing.plan.Guard;
import dev.culvert.routing.plan.KernelPlan;
import dev.culvert.tunnel.kernel.PlanApplier.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The guard's ranges are changed where they are, and then the guard is as if it were loaded. */
@Tag("integration")
class GuardRangesTest {
  private NetworkNamespace namespace;
  private PlanApplier applier;

  @BeforeEach
  void makeNode() throws Exception {
    namespace = NetworkNamespace.create();
    namespace.exec("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0");
    namespace.exec("ip", "link", "set", "eth0", "up");
    applier = namespace.call(PlanApplier::open);
    namespace.call(() -> applier.apply(plan(List.of())));
  }

  @AfterEach
  void leave() {
    applier.close();
    namespace.close();
  }

  /** A plan with more pods of other nodes, which are foreign and the cluster's too. */
  private static KernelPlan plan(List<Prefix> more) {
    KernelPlan plan = Plans.worker();
    Guard guard = plan.guard();
    return new KernelPlan(
        Plans.TABLE,
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        new Guard(
            guard.underlay(),
            guard.physical(),
            guard.podless(),
            guard.tunnel(),
            guard.localNode(),
            guard.sources(),
            guard.localPods(),
            guard.remoteNodes(),
            guard.clients(),
            with(guard.remotePods(), more),
            with(guard.cluster(), more),
            with(guard.foreign(), more),
            guard.outer(),
            guard.bypass(),
            guard.overlay(),
            guard.exemptions(),
            guard.inClear(),
            guard.egress(),
            guard.ingress(),
            guard.clampMss()));
  }

  private static List<Prefix> with(List<Prefix> ranges, List<Prefix> more) {
    List<Prefix> all = new ArrayList<>(ranges);
    all.addAll(more);
    return all;
  }

  private static List<Prefix> ranges(String... texts) {
    return List.of(texts).stream().map(Prefix::parse).toList();
  }

  private Outcome follow(KernelPlan plan) throws Exception {
    return namespace.call(() -> applier.follow(plan));
  }

  /** Both layers as nft lists them. */
  private String listing() throws Exception {
    return namespace.call(
        () -> GuardTable.text().orElse("no guard") + LinkGuard.text().orElse("no second layer"));
  }

  /** The guard as another process loads it as a whole. */
  private String loadedAnew(KernelPlan plan) throws Exception {
    namespace.call(
        () -> {
          GuardTable.remove();
          try (PlanApplier other = PlanApplier.open()) {
            return other.apply(plan);
          }
        });
    return listing();
  }

  private void assertFollowed(List<Prefix> more) throws Exception {
    KernelPlan plan = plan(more);
    Outcome outcome = follow(plan);
    assertEquals(List.of(), outcome.failures());
    assertFalse(outcome.changes().contains("load guard"), outcome::toString);
    // Nothing is found to differ by a look at all of it.
    assertEquals(List.of(), namespace.call(() -> applier.repairGuard(plan)).changes());
    String followed = listing();
    assertEquals(loadedAnew(plan), followed);
  }

  @Test
  void rangesComeAndGo() throws Exception {
    assertFollowed(ranges("198.18.0.0/24", "2001:db8:5::/64"));
    assertFollowed(ranges("198.18.7.0/24"));
    assertFollowed(List.of());
  }

  @Test
  void neighboursAndPartsOfRangesStayApart() throws Exception {
    assertFollowed(ranges("198.18.1.0/24", "198.18.2.0/24", "198.18.3.1/32"));
    assertFollowed(ranges("198.18.1.0/25", "198.18.1.128/25", "198.18.2.0/23"));
    assertFollowed(ranges("198.18.0.0/22"));
    assertFollowed(ranges("198.18.0.0/24", "198.18.2.0/24"));
  }

  @Test
  void rangesAtBothEndsOfAllAddresses() throws Exception {
    assertFollowed(ranges("0.0.0.0/8", "255.255.255.0/24", "::/16", "ffff::/16"));
    assertFollowed(ranges("0.0.0.0/9", "255.255.255.255/32", "ffff:8000::/17"));
    assertFollowed(List.of());
  }

  @Test
  void anyChangeOfManyRanges() throws Exception {
    Random random = new Random(1);
    for (int round = 0; round < 5; round++) {
      assertFollowed(
          IntStream.range(0, 150)
              .filter(i -> random.nextBoolean())
              .mapToObj(
                  i ->
                      Prefix.parse(
                          i % 2 == 0
                              ? "198.18.%d.0/24".formatted(i)
                              : "fd09:0:0:%x::/64".formatted(i)))
              .toList());
    }
  }

  @Test
  void moreRangesThanFitAreLoadedAsAWhole() throws Exception {
    List<Prefix> many =
        IntStream.range(0, GuardRanges.MOST)
            .mapToObj(i -> Prefix.parse("198.18.%d.%d/32".formatted(i / 256, i % 256)))
            .toList();
    assertTrue(follow(plan(many)).changes().contains("load guard"));
    assertEquals(loadedAnew(plan(many)), listing());
  }

  @Test
  void aGuardThatIsGoneIsLoadedAsAWhole() throws Exception {
    namespace.exec("nft", "flush", "ruleset");
    KernelPlan plan = plan(ranges("198.18.0.0/24"));
    assertTrue(follow(plan).changes().contains("load guard"));
    assertEquals(loadedAnew(plan), listing());
  }

  @Test
  void countersGoOn() throws Exception {
    String before = namespace.exec("nft", "list", "counters");
    follow(plan(ranges("198.18.0.0/24")));
    assertEquals(before, namespace.exec("nft", "list", "counters"));
  }

  @Test
  void itsOwnChangesAreNoNewsAndThoseOfOthersAre() throws Exception {
    try (Netlink news = namespace.call(() -> Netlink.open(Netlink.NETLINK_NETFILTER, 1 << 6))) {
      follow(plan(ranges("198.18.0.0/24")));
      assertEquals(0, heard(news));
      namespace.exec("nft", "add element inet culvert remote_pods4 { 198.18.9.0/24 }");
      assertTrue(heard(news) > 0);
      KernelPlan plan = plan(ranges("198.18.0.0/24"));
      assertTrue(namespace.call(() -> applier.repairGuard(plan)).changes().contains("load guard"));
      assertEquals(loadedAnew(plan), listing());
    }
  }

  private int heard(Netlink news) throws Exception {
    int heard = 0;
    while (Poll.readable(200, news.fd())) {
      for (NetlinkMessage message : news.receiveNow("news")) {
        heard += applier.hear(message) ? 1 : 0;
      }
    }
    return heard;
  }
}
