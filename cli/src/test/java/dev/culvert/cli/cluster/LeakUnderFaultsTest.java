// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestCluster;
import dev.culvert.cli.kit.Way;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
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
  private static final List<Stream> STREAMS = streams();

  /** One way over one family, with a marker of its own. */
  private record Stream(Way way, boolean v4, String marker) {
    Daemon flood(TestCluster cluster, int perSecond) {
      return way.flood(cluster, v4, marker, perSecond);
    }

    @Override
    public String toString() {
      return way.name() + (v4 ? ", IPv4" : ", IPv6");
    }
  }

  /**
   * What became of one stream.
   *
   * @param refused by the sender's own kernel
   * @param seen in clear on the wire
   */
  private record Outcome(Stream stream, long sent, long refused, long seen) {}

  private static List<Stream> streams() {
    List<Stream> streams = new ArrayList<>();
    for (Way way : Way.all()) {
      for (boolean v4 : new boolean[] {true, false}) {
        streams.add(new Stream(way, v4, "never-in-clear%02d".formatted(streams.size())));
      }
    }
    return List.copyOf(streams);
  }

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
      List<Outcome> before = flood(cluster, perSecond, () -> Waiting.pause(CONTROL));
      before.forEach(control -> assertTrue(control.seen() > 0, "not seen: " + control));
      cluster.start();
      assertTrue(cluster.podsReachEachOther(), cluster::state);
      int[] rounds = new int[1];
      long began = System.nanoTime();
      List<Outcome> through =
          flood(
              cluster,
              perSecond,
              () -> {
                do {
                  faults(cluster, rounds[0]++);
                } while (System.nanoTime() - began < atLeast.toNanos());
              });
      cluster.gateways.forEach(LeakUnderFaultsTest::surrender);
      List<Outcome> after = flood(cluster, perSecond, () -> Waiting.pause(CONTROL));
      report(before, through, after, rounds[0]);
      through.forEach(outcome -> assertEquals(0, outcome.seen(), outcome::toString));
      after.forEach(control -> assertTrue(control.seen() > 0, "not seen: " + control));
      assertTrue(total(through) >= packets, total(through) + " packets");
    }
  }

  private static long total(List<Outcome> outcomes) {
    return outcomes.stream().mapToLong(outcome -> outcome.sent() + outcome.refused()).sum();
  }

  private static void report(
      List<Outcome> before, List<Outcome> through, List<Outcome> after, int rounds) {
    System.out.printf(
        "FIGURE %d packets through %d rounds of faults, %d seen in clear%n",
        total(through), rounds, through.stream().mapToLong(Outcome::seen).sum());
    System.out.println("seen/tried: without gateways, through the faults (refused), guard gone");
    for (int i = 0; i < through.size(); i++) {
      Outcome outcome = through.get(i);
      System.out.printf(
          "%-44s %5d/%-5d %5d/%-7d (%d) %5d/%-5d%n",
          outcome.stream(),
          before.get(i).seen(),
          before.get(i).sent() + before.get(i).refused(),
          outcome.seen(),
          outcome.sent() + outcome.refused(),
          outcome.refused(),
          after.get(i).seen(),
          after.get(i).sent() + after.get(i).refused());
    }
  }

  /** Sends on all ways at once while something is done, and counts the markers on the wire. */
  private static List<Outcome> flood(TestCluster cluster, int perSecond, Runnable meanwhile) {
    List<String> markers = STREAMS.stream().map(Stream::marker).toList();
    try (Capture capture = Capture.start(cluster.network.wire, LabNetwork.BRIDGE, "", markers)) {
      List<Daemon> floods = STREAMS.stream().map(s -> s.flood(cluster, perSecond)).toList();
      floods.forEach(flood -> flood.awaitOutput("flooding"));
      meanwhile.run();
      floods.forEach(flood -> flood.signal("TERM"));
      floods.forEach(flood -> assertEquals(0, flood.awaitEnd(Commands.PATIENCE), flood::output));
      assertEquals(0, capture.stop(), "packets that the capture lost");
      List<Outcome> outcomes = new ArrayList<>();
      for (int i = 0; i < STREAMS.size(); i++) {
        Stream stream = STREAMS.get(i);
        outcomes.add(
            new Outcome(
                stream,
                count(floods.get(i), "sent "),
                count(floods.get(i), "refused "),
                capture.seen(stream.marker())));
      }
      return outcomes;
    }
  }

  private static long count(Daemon flood, String what) {
    return Long.parseLong(flood.awaitLine(what));
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
    flushRules(a.site().node());
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
  private static void await(String what, TestCluster cluster, BooleanSupplier back) {
    assertTrue(
        Waiting.until(Commands.PATIENCE, back), () -> what + " not repaired: " + cluster.state());
  }

  private static boolean guarded(Namespace node) {
    return node.attempt("nft", "list", "table", "inet", "culvert").succeeded();
  }

  private static boolean steered(Namespace node) {
    return List.of("-4", "-6").stream()
        .allMatch(
            family -> node.ip(family, "rule", "show", "priority", "230").out().contains("to"));
  }

  private static void flushRules(Namespace node) {
    for (String family : List.of("-4", "-6")) {
      node.ip(family, "rule", "flush");
      node.ip(family, "rule", "add", "priority", "32766", "lookup", "main");
    }
  }

  /** Nothing guards the node any more, and nobody repairs that. */
  private static void surrender(LabGateway gateway) {
    gateway.kill();
    gateway.site().node().run("nft", "flush", "ruleset");
    flushRules(gateway.site().node());
  }
}
