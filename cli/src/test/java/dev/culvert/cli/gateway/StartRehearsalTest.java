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
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A gateway that has just started rehearses beside its work until it has traffic. */
@Tag("integration")
final class StartRehearsalTest {
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final String CANARY = "in-clear-to-show-that-the-capture-works";

  private static final Map<String, String> LOG = Map.of("LOG_LEVEL", "info");

  /** Packets of a rehearsal, sealed or in clear. */
  private static final String REHEARSALS = "udp or host 10.0.0.1 or host 10.0.0.2";

  private static final Pattern REHEARSED =
      Pattern.compile("rehearsed with (\\S+) for [0-9]+ ms( and was not finished)?,");
  private static final Pattern CHOSEN = Pattern.compile(": cipher (\\S+) of ");

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("wireguard-go");
  }

  @Test
  void withoutTrafficItRehearsesWithEachCipherAndNothingOfThatStaysOrLeaves() {
    try (WgPair pair = pair();
        Capture wire =
            Capture.start(pair.ours.namespace, WgPair.WIRE_DEVICE, REHEARSALS, List.of(CANARY))) {
      Daemon ours = pair.ours.daemon();
      ours.await("its cipher", PATIENCE, () -> !found(CHOSEN, ours).isEmpty());
      Set<String> ciphers = new LinkedHashSet<>(found(REHEARSED, ours));
      ciphers.addAll(found(CHOSEN, ours));
      ours.await(
          "a rehearsal with it",
          PATIENCE,
          () -> found(REHEARSED, ours).equals(List.copyOf(ciphers)));
      assertFalse(ours.output().contains("not finished"), ours::output);
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
        ours.await("the end", PATIENCE, () -> !found(REHEARSED, ours).isEmpty());
        assertFalse(rehearses(ours), ours::output);
        flood.signal("INT");
        flood.awaitEnd(Commands.PATIENCE);
      }
      assertTrue(ours.output().contains(" and was not finished"), ours::output);
    }
  }

  @Test
  void aSuccessorHasRehearsedBeforeAndDoesNotAgain() {
    try (WgPair pair = pair()) {
      Daemon former = pair.ours.daemon();
      former.await("its rehearsal", PATIENCE, () -> rehearses(former));
      try (Daemon successor =
          pair.ours.namespace.start(
              LOG, Culvert.rehearsing("wg", "-f", "--replace", pair.ours.device))) {
        successor.await("its cipher", PATIENCE, () -> !found(CHOSEN, successor).isEmpty());
        assertTrue(successor.output().contains("was taken over"), successor::output);
        assertEquals(0, former.awaitEnd(Commands.PATIENCE), former::output);
        assertEquals(List.of(), found(REHEARSED, successor), successor::output);
        assertFalse(rehearses(successor), successor::output);
      }
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
    List<String> command = new ArrayList<>(List.of("env"));
    LOG.forEach((name, value) -> command.add(name + "=" + value));
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
    List<ProcessThread> threads = ProcessThread.of(process);
    int usual = threads.stream().mapToInt(ProcessThread::niceness).min().orElseThrow();
    return threads.stream()
        .filter(thread -> thread.rehearses() || thread.niceness() > usual)
        .toList();
  }

  /** The first group of each match in the output. */
  private static List<String> found(Pattern pattern, Daemon process) {
    return pattern.matcher(process.output()).results().map(match -> match.group(1)).toList();
  }
}
