// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Floods;
import dev.culvert.cli.kit.Floods.Outcome;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestCluster;
import dev.culvert.cli.kit.Way;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Marked packets of every kind while gateways are killed, stopped and lose their keys, and rules,
 * guard and device are taken away, one after the other: none is seen on the wire. The same without
 * gateways is seen, and so is it once guard and rules are gone for good.
 */
@Tag("integration")
final class LeakUnderFaultsTest {
  private static final Duration CONTROL = Duration.ofSeconds(2);
  private static final Duration A_MOMENT = Duration.ofMillis(500);

  @ParameterizedTest
  @EnumSource
  void noPacketIsSeenThroughTheFaults(LabEngine engine) throws IOException {
    leaks(engine, 20, 1000, Duration.ZERO);
  }

  @ParameterizedTest
  @EnumSource
  @Tag("soak")
  void noPacketOfAMillionIsSeenThroughTheFaults(LabEngine engine) throws IOException {
    leaks(engine, 65, 1_000_000, Duration.ofMinutes(16));
  }

  /** Floods through rounds of faults until both so many packets and so much time have passed. */
  private static void leaks(LabEngine engine, int perSecond, long packets, Duration atLeast)
      throws IOException {
    Requirements.namespaces();
    try (TestCluster cluster = new TestCluster(engine)) {
      Floods floods = new Floods(cluster, Way.all());
      List<Outcome> before = floods.flood(perSecond, capture -> Waiting.pause(CONTROL));
      before.forEach(control -> assertTrue(control.seen() > 0, "not seen: " + control));
      cluster.start();
      assertTrue(cluster.podsReachEachOther(), cluster::state);
      int[] rounds = new int[1];
      long began = System.nanoTime();
      List<Outcome> through =
          floods.flood(
              perSecond,
              capture -> {
                do {
                  faults(cluster, rounds[0]++);
                } while (System.nanoTime() - began < atLeast.toNanos());
              });
      for (LabGateway gateway : cluster.gateways) {
        gateway.kill();
        TestCluster.surrender(gateway.site());
      }
      List<Outcome> after = floods.flood(perSecond, capture -> Waiting.pause(CONTROL));
      System.out.printf(
          "FIGURE %d packets through %d rounds of faults, %d seen in clear%n",
          total(through), rounds[0], through.stream().mapToLong(Outcome::seen).sum());
      Floods.print(before, through, after);
      through.forEach(outcome -> assertEquals(0, outcome.seen(), outcome::toString));
      after.forEach(control -> assertTrue(control.seen() > 0, "not seen: " + control));
      assertTrue(total(through) >= packets, total(through) + " packets");
    }
  }

  private static long total(List<Outcome> outcomes) {
    return outcomes.stream().mapToLong(Outcome::tried).sum();
  }

  /** One round: each fault hits another node than in the round before. */
  private static void faults(TestCluster cluster, int round) {
    LabGateway a = cluster.gateways.get(round % 3);
    LabGateway b = cluster.gateways.get((round + 1) % 3);
    LabGateway c = cluster.gateways.get((round + 2) % 3);
    a.kill();
    Waiting.pause(A_MOMENT);
    a.startInCluster(cluster.gateways);
    b.daemon().signal("STOP");
    Waiting.pause(A_MOMENT);
    b.daemon().signal("CONT");
    a.site().node().run("nft", "flush", "ruleset");
    await("the guard", cluster, () -> guarded(a.site().node()));
    TestCluster.flushRules(a.site().node());
    await("the rules", cluster, () -> steered(a.site().node()));
    b.site().node().ip("link", "delete", b.site().interfaceName());
    b.daemon().awaitEnd(Commands.PATIENCE);
    Waiting.pause(A_MOMENT);
    b.startInCluster(cluster.gateways);
    c.kill();
    c.loseKey();
    c.startInCluster(cluster.gateways);
    Waiting.pause(A_MOMENT);
    c.republish();
    a.reloadInCluster(cluster.gateways);
    b.reloadInCluster(cluster.gateways);
    assertTrue(cluster.podsReachEachOther(), cluster::state);
  }

  /** Either layer holds alone: the next one is taken away when this one is back. */
  private static void await(String fault, TestCluster cluster, BooleanSupplier back) {
    assertTrue(
        Waiting.until(Commands.PATIENCE, back), () -> fault + " not repaired: " + cluster.state());
  }

  private static boolean guarded(Namespace node) {
    return node.attempt("nft", "list", "table", "inet", "culvert").succeeded();
  }

  private static boolean steered(Namespace node) {
    return List.of("-4", "-6").stream()
        .allMatch(
            family -> node.ip(family, "rule", "show", "priority", "230").out().contains("to"));
  }
}
