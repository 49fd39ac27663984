// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Implementation;
import dev.culvert.cli.kit.ProcessThread;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.WgNode;
import dev.culvert.cli.kit.WgPair;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Waiting;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A gateway that has just started rehearses beside its work until it has traffic. */
@Tag("integration")
final class StartRehearsalTest {
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final String CANARY = "in-clear-to-show-that-the-capture-works";
  private static final String REHEARSED = " rehearsed for ";

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("wireguard-go");
  }

  @Test
  void withoutTrafficItRehearsesWithBothCiphersAndNothingOfThatStaysOrLeaves() {
    try (WgPair pair = pair();
        Capture wire =
            Capture.start(pair.ours.namespace, WgPair.WIRE_DEVICE, "udp", List.of(CANARY))) {
      Daemon ours = pair.ours.daemon();
      ours.await("two rehearsals", PATIENCE, () -> count(ours.output(), REHEARSED) == 2);
      assertFalse(ours.output().contains("not finished"), ours::output);
      assertTrue(ours.output().contains(": cipher "), ours::output);
      assertLeftNothing(pair.ours);
      wire.prove(
          CANARY,
          () ->
              pair.ours.namespace.run(
                  "bash", "-c", "echo " + CANARY + " >/dev/udp/" + pair.wireAddress(2) + "/9"));
      assertEquals(0, wire.stop(), "packets that were not searched");
      assertEquals(1, wire.packets(), "the rehearsal stays on the loopback device");
    }
  }

  @Test
  void trafficEndsTheRehearsal() {
    try (WgPair pair = pair()) {
      pair.introduceEachOther();
      Daemon ours = pair.ours.daemon();
      ours.await("its rehearsal", PATIENCE, () -> rehearses(ours));
      try (Daemon flood = pair.ours.namespace.start("ping", "-q", "-f", WgPair.PEER_V4)) {
        ours.await("the end", PATIENCE, () -> count(ours.output(), REHEARSED) == 1);
        flood.signal("INT");
        flood.awaitEnd(Commands.PATIENCE);
      }
      assertTrue(ours.output().contains(" and was not finished"), ours::output);
      assertFalse(rehearses(ours), ours::output);
    }
  }

  @Test
  void withoutALoopbackDeviceItGivesUpAndTheGatewayWorks() {
    try (WgPair pair = pair()) {
      Daemon ours = pair.ours.daemon();
      pair.ours.namespace.ip("link", "set", "lo", "down");
      ours.await("a failure", PATIENCE, () -> ours.output().contains("no packet arrives"));
      assertFalse(rehearses(ours), ours::output);
      pair.introduceEachOther();
      assertTrue(pair.ours.eventuallyPings(WgPair.PEER_V4));
    }
  }

  private static WgPair pair() {
    List<String> command = new ArrayList<>(List.of("env", "LOG_LEVEL=info"));
    command.addAll(Culvert.rehearsing("wg", "-f"));
    return new WgPair(new Implementation("culvert", command), Implementation.packaged(), false);
  }

  private static boolean rehearses(Daemon process) {
    return ProcessThread.of(process).stream().anyMatch(ProcessThread::rehearses);
  }

  /** No thread, no thread of low priority, and no socket but the gateway's own. */
  private static void assertLeftNothing(WgNode node) {
    Waiting.until(PATIENCE, () -> laterThreads(node.daemon()).isEmpty());
    assertEquals(List.of(), laterThreads(node.daemon()));
    assertEquals(
        List.of(),
        node.namespace
            .run("ss", "-H", "-u", "-a", "-n")
            .out()
            .lines()
            .filter(socket -> !socket.contains(":" + WgNode.PORT))
            .toList());
  }

  private static List<ProcessThread> laterThreads(Daemon process) {
    return ProcessThread.of(process).stream()
        .filter(thread -> thread.rehearses() || thread.niceness() > 0)
        .toList();
  }

  private static int count(String text, String part) {
    return text.split(part, -1).length - 1;
  }
}
