// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Floods;
import dev.culvert.cli.kit.Floods.Outcome;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestCluster;
import dev.culvert.cli.kit.Way;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Marked packets of every kind while nodes and pods come, move and go through the API, exemptions
 * too, keys change, and gateways and the API server are killed: none is seen on the wire, except
 * those that are exempt. The same without gateways is seen, and so is it once guard and rules are
 * gone for good.
 */
@Tag("integration")
@Tag("kubernetes")
final class MeshLeakTest {
  private static final Duration CONTROL = Duration.ofSeconds(2);
  private static final int PER_SECOND = 120;

  /** Node b may be spoken to in clear at this port, now and then. */
  private static final Way EXEMPT =
      new Way("the exempt port", 2, false, "192.0.2.2", "2001:db8::2", MeshChurn.EXEMPT_PORT, 0);

  private static final List<Way> CHANGING =
      List.of(
          new Way("pod to a pod of a changing node", 0, true, "10.42.3.10", "fd42:3::10", 9, 0),
          new Way("pod of a changing node to a pod", 2, true, "10.42.1.10", "fd42:1::10", 9, 0),
          new Way("changing node to pod", 2, false, "10.42.2.10", "fd42:2::10", 9, 0),
          new Way(
              "node to a node that comes and goes",
              1,
              false,
              MeshChurn.PASSING_ADDRESSES.get(0),
              MeshChurn.PASSING_ADDRESSES.get(1),
              9,
              0),
          new Way(
              "pod to a pod that moves", 0, true, MovingPod.ADDRESS, MovingPod.ADDRESS_V6, 9, 0),
          new Way(
              "node to a pod that moves", 2, false, MovingPod.ADDRESS, MovingPod.ADDRESS_V6, 9, 0),
          new Way(
              "pod to the port that is exempt for nodes",
              2,
              true,
              "192.0.2.2",
              "2001:db8::2",
              MeshChurn.EXEMPT_PORT,
              0));

  private static List<Way> ways() {
    List<Way> ways = new ArrayList<>(Way.all());
    ways.addAll(CHANGING);
    ways.add(EXEMPT);
    return ways;
  }

  @ParameterizedTest
  @EnumSource
  void noneOfAHundredThousandPacketsIsSeenWhileNodesAndPodsComeAndGo(
      MeshEngine engine, @TempDir Path folder) throws IOException {
    leaks(engine, folder, 100_000);
  }

  @ParameterizedTest
  @EnumSource
  @Tag("soak")
  void noneOfAMillionPacketsIsSeenWhileNodesAndPodsComeAndGo(
      MeshEngine engine, @TempDir Path folder) throws IOException {
    leaks(engine, folder, 1_000_000);
  }

  /** Floods through rounds of changes until the senders' kernels have taken so many packets. */
  private static void leaks(MeshEngine engine, Path folder, long packets) throws IOException {
    Requirements.namespaces();
    try (Mesh mesh = new Mesh(folder, MeshForm.APART)) {
      // Else nothing to this node would be on the wire, for want of its link-layer address.
      mesh.cluster
          .network
          .wire
          .address(LabNetwork.BRIDGE, MeshChurn.PASSING_ADDRESSES.get(0) + "/32")
          .address(LabNetwork.BRIDGE, MeshChurn.PASSING_ADDRESSES.get(1) + "/128");
      Floods floods = new Floods(mesh.cluster, ways());
      MeshChurn churn = new MeshChurn(mesh, engine, floods.markers(EXEMPT));
      List<Outcome> before = floods.flood(PER_SECOND, capture -> Waiting.pause(CONTROL));
      before.forEach(control -> assertTrue(control.seen() > 0, "not seen: " + control));
      churn.start();
      long begin = System.nanoTime();
      List<Outcome> through =
          floods.flood(
              PER_SECOND,
              capture -> {
                long began = System.nanoTime();
                do {
                  churn.round(capture);
                } while (System.nanoTime() - began < timeFor(packets).toNanos());
              });
      double minutes = (System.nanoTime() - begin) / 60e9;
      for (int site = 0; site < 3; site++) {
        mesh.kill(site);
        TestCluster.surrender(mesh.cluster.site(site));
      }
      List<Outcome> after = floods.flood(PER_SECOND, capture -> Waiting.pause(CONTROL));
      long entered = secret(through).stream().mapToLong(Outcome::sent).sum();
      System.out.printf(
          "FIGURE %d packets through %s in %.1f min, %d seen in clear, and %d of %d to an exempt"
              + " port%n",
          entered,
          churn.figures(),
          minutes,
          secret(through).stream().mapToLong(Outcome::seen).sum(),
          through.stream().filter(MeshLeakTest::isExempt).mapToLong(Outcome::seen).sum(),
          through.stream().filter(MeshLeakTest::isExempt).mapToLong(Outcome::sent).sum());
      Floods.print(before, through, after);
      secret(through).forEach(outcome -> assertEquals(0, outcome.seen(), outcome::toString));
      after.forEach(control -> assertTrue(control.seen() > 0, "not seen: " + control));
      assertTrue(entered >= packets, entered + " packets");
    }
  }

  /** In which pods alone send so many packets: they are not refused by their own kernels. */
  private static Duration timeFor(long packets) {
    long perSecond = 2L * PER_SECOND * ways().stream().filter(Way::pod).count();
    return Duration.ofSeconds(packets / perSecond + 1);
  }

  private static boolean isExempt(Outcome outcome) {
    return outcome.stream().way().equals(EXEMPT);
  }

  /** All except those of the exempt port. */
  private static List<Outcome> secret(List<Outcome> outcomes) {
    return outcomes.stream().filter(outcome -> !isExempt(outcome)).toList();
  }
}
