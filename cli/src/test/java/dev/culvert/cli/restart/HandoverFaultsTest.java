// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.restart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.cli.restart.HandoverFault.Kind;
import dev.culvert.cli.restart.HandoverRelay.Step;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Waiting;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * One of the two processes is killed or stopped at each message of a hand-over, under traffic.
 * Afterwards one process serves, or none and a new one is started.
 */
@Tag("integration")
final class HandoverFaultsTest {
  /** The process that serves after a fault. */
  private enum Survivor {
    PREDECESSOR,
    SUCCESSOR,
    /** Neither: a new process was started. */
    NEW
  }

  private final Map<HandoverFault, Map<Survivor, Integer>> table = new LinkedHashMap<>();

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  @Test
  void aFaultAtEachStepEndsWithOneProcessAndWithoutARepeat() throws Exception {
    survive(HandoverFault.someOfEachStep(), 1, Culvert.command());
  }

  @Test
  @Tag("soak")
  void everyFaultAtEachStepEndsWithOneProcessAndWithoutARepeat() throws Exception {
    survive(HandoverFault.all(), Integer.getInteger("culvert.faults", 20), Culvert.unrehearsed());
  }

  /** It began anew, without the state of the other. */
  @Test
  void aSuccessorWhosePredecessorDiedEndsAtASignalLikeAnyGateway() throws Exception {
    HandoverFault fault = new HandoverFault(Kind.PREDECESSOR_KILLED, Step.PREPARE, false);
    try (TestLab lab = new TestLab(LabEngine.WIREGUARD)) {
      ReplacedGateway a = new ReplacedGateway(lab.gatewayA, Culvert.unrehearsed());
      assertEquals(Survivor.SUCCESSOR, suffer(lab, a, fault));
      a.daemon().signal("TERM");
      assertEquals(0, a.daemon().awaitEnd(Commands.PATIENCE), a.daemon()::output);
    }
  }

  private void survive(List<HandoverFault> faults, int times, List<String> culvert)
      throws Exception {
    LabEngine engine = LabEngine.WIREGUARD;
    try (TestLab lab = new TestLab(engine)) {
      ReplacedGateway a = new ReplacedGateway(lab.gatewayA, culvert);
      try (WatchedTraffic traffic = WatchedTraffic.start(lab, engine)) {
        String guard = guard(a.site());
        for (int i = 0; i < times; i++) {
          for (HandoverFault fault : faults) {
            Survivor survivor = suffer(lab, a, fault);
            table.computeIfAbsent(fault, _ -> new TreeMap<>()).merge(survivor, 1, Integer::sum);
            assertEquals(guard, guard(a.site()), fault::toString);
            assertEquals(0, traffic.counters().repeats(), fault::toString);
          }
        }
        WatchedTraffic.Outcome outcome = traffic.finish();
        System.out.println("faults of hand-overs: " + outcome + ", " + traffic.counters());
        assertEquals(0, traffic.counters().repeats(), traffic.counters()::toString);
      }
    } finally {
      table.forEach((fault, survivors) -> System.out.println(fault + " " + survivors));
    }
  }

  private static String guard(LabSite site) {
    return site.node().run("nft", "-s", "list", "ruleset").out();
  }

  private static Survivor suffer(TestLab lab, ReplacedGateway gateway, HandoverFault fault)
      throws Exception {
    CompletableFuture<Daemon> starting = new CompletableFuture<>();
    CompletableFuture<HandoverFault> happened = new CompletableFuture<>();
    Daemon predecessor = gateway.daemon();
    HandoverRelay.Watcher watcher =
        (step, after) -> {
          if (step == fault.step() && after == fault.after()) {
            fault.happenTo(fault.kind().ofSuccessor ? starting.join() : predecessor);
            happened.complete(fault);
          }
        };
    try (HandoverRelay relay = new HandoverRelay(gateway.site().interfaceName(), watcher)) {
      relay.start();
      Daemon successor = gateway.startSuccessor();
      starting.complete(successor);
      assertTrue(
          Waiting.until(ReplacedGateway.PATIENCE, happened::isDone),
          () -> fault + " did not happen: " + successor.output() + predecessor.output());
      return survivor(lab, gateway, successor, fault);
    }
  }

  /** Waits until traffic flows through the one process that is left, or through a new one. */
  private static Survivor survivor(
      TestLab lab, ReplacedGateway gateway, Daemon successor, HandoverFault fault) {
    Daemon predecessor = gateway.daemon();
    List<Daemon> processes = new ArrayList<>(List.of(predecessor, successor));
    boolean flows =
        Waiting.until(
            ReplacedGateway.PATIENCE,
            () -> {
              List<Daemon> alive = processes.stream().filter(Daemon::isAlive).toList();
              if (alive.isEmpty()) {
                processes.add(gateway.start());
              } else if (fault.kind() == Kind.SUCCESSOR_STOPPED
                  && alive.equals(List.of(successor))) {
                successor.signal("CONT"); // It had taken over before it was stopped.
              }
              return alive.size() == 1 && lab.podsReachEachOther() && alive.getFirst().isAlive();
            });
    assertTrue(flows, () -> fault + ": " + outputs(processes));
    Daemon serving = processes.stream().filter(Daemon::isAlive).findFirst().orElseThrow();
    gateway.follow(serving);
    return serving == predecessor
        ? Survivor.PREDECESSOR
        : serving == successor ? Survivor.SUCCESSOR : Survivor.NEW;
  }

  private static String outputs(List<Daemon> processes) {
    StringBuilder text = new StringBuilder();
    for (Daemon process : processes) {
      text.append(process.isAlive() ? "\nalive:\n" : "\nended:\n").append(process.output());
    }
    return text.toString();
  }
}
