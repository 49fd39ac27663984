// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Pings;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Two pods of a DaemonSet that surges, one after the other on one node: each gateway is the first
 * process of a PID namespace of its own, and both have the node's network and folders.
 */
@Tag("integration")
final class TwoPodsTest {
  private static final String MARKER = "never-in-clear-3";
  private static final String TAKEN = "was taken over from another process with its sessions";

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("nft");
    Requirements.tool("unshare");
  }

  private static Daemon pod(TestLab lab) {
    List<String> command =
        new ArrayList<>(List.of("unshare", "--pid", "--fork", "--mount-proc", "--kill-child"));
    command.addAll(Culvert.command("up", lab.gatewayA.configuration().toString(), "--replace"));
    return lab.network.a.node().start(Map.of(), command);
  }

  /** As the kubelet does: to the first process. */
  private static void signal(Daemon pod, String name) {
    ProcessHandle first =
        ProcessHandle.of(pod.pid()).flatMap(each -> each.children().findFirst()).orElseThrow();
    Commands.run("kill", "-" + name, Long.toString(first.pid()));
  }

  private static String index(TestLab lab) {
    return lab.network
        .a
        .node()
        .run("ip", "-o", "link", "show", lab.network.a.interfaceName())
        .out()
        .split(":", -1)[0];
  }

  private static Commands.Result reload(TestLab lab) {
    return lab.network
        .a
        .node()
        .attempt(Culvert.command("reload", lab.network.a.interfaceName()).toArray(String[]::new));
  }

  /** Pings whose answers may be missing at the end: those of five seconds. */
  private static final int UNDER_WAY = 50;

  @Test
  void theNewPodTakesOverAndTheOldOneLingersUntilItIsToldToEnd() throws Exception {
    try (TestLab lab = TestLab.unstarted()) {
      configure(lab);
      try (Daemon old = pod(lab)) {
        lab.gatewayB.start(lab.gatewayA);
        old.await("an answer", Commands.PATIENCE, lab::podsReachEachOther);
        String index = index(lab);
        try (Daemon pings =
                Pings.start(lab.network.a.pod(), 10_000, "0.1", lab.network.b.podAddress());
            Daemon next = pod(lab)) {
          next.awaitOutput(TAKEN);
          Waiting.pause(Duration.ofSeconds(3));
          assertTrue(old.isAlive(), "its end would have it started again");
          signal(old, "TERM");
          assertEquals(0, old.awaitEnd(Commands.PATIENCE), old::output);
          assertTrue(reload(lab).succeeded(), "the sockets are the new one's");
          pings.signal("INT");
          pings.awaitEnd(Commands.PATIENCE);
          long sent = Pings.sent(pings.output());
          assertEquals(0, Pings.unanswered(pings.output(), (int) sent - UNDER_WAY), pings::output);
          assertEquals(index, index(lab));
          comesBackAfterACrash(lab, next);
        }
      }
    }
  }

  private static void configure(TestLab lab) throws IOException {
    Path file = lab.gatewayA.configuration();
    Files.writeString(file, LabEngine.WIREGUARD.yaml(lab.network.a, lab.network.b, lab.folder));
  }

  /** The kubelet starts the container again, with the same arguments. */
  private static void comesBackAfterACrash(TestLab lab, Daemon pod) throws Exception {
    try (Capture capture = lab.capture(MARKER)) {
      signal(pod, "KILL");
      pod.awaitEnd(Commands.PATIENCE);
      lab.sendToPodB(MARKER);
      try (Daemon again = pod(lab)) {
        again.await("an answer", Commands.PATIENCE, lab::podsReachEachOther);
        assertFalse(again.output().contains(TAKEN), again::output);
        lab.sendToPodB(MARKER);
        capture.stop();
        assertEquals(0, capture.seen(MARKER));
      }
    }
    lab.assertCaptureSeesPacketsInClear(MARKER);
  }
}
