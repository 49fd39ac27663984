// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.admin.AuditView;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.routing.BlindSpot;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * An audit reports the guard's counters as dropped, exempt or in clear by the policy, and fails if
 * the guard lacks a counter.
 */
final class AuditTest {
  private final FakeNetwork network = new FakeNetwork();

  @TempDir private Path directory;

  private GatewayConfig config(String... settings) throws Exception {
    return ConfigFile.read(
        GatewayYaml.of("cv0")
            .with("node: a")
            .nodes(GatewayYaml.entry("a"))
            .with(settings)
            .write(directory.resolve("gw.yaml")));
  }

  private static AuditView.Row row(AuditView audit, String traffic) {
    return audit.rows().stream()
        .filter(row -> row.traffic().equals(traffic))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void whatTheGuardMetIsDroppedOrExempt() throws Exception {
    network.count("pod_to_pod_out", 3);
    network.count("unknown_in", 4);
    network.count("exempt_api_server_request_out", 5);
    network.count("exempt_api_server_reply_in", 6);
    AuditView audit = Audit.of(config(), network);
    assertTrue(audit.guarded());
    assertEquals(new AuditView.Row("pod-to-pod", 0, 0, 3, 0), row(audit, "pod-to-pod"));
    assertEquals(new AuditView.Row("unknown", 0, 0, 4, 0), row(audit, "unknown"));
    assertEquals(new AuditView.Row("api-server", 0, 11, 0, 0), row(audit, "api-server"));
    assertEquals(0, audit.clear());
  }

  @Test
  void whatThePolicyLetsPassWasInClear() throws Exception {
    network.count("node_to_node_out", 3);
    network.count("pod_to_pod_in", 4);
    network.count("pod_to_pod_out", 7);
    AuditView audit =
        Audit.of(config("encrypt: {nodeToNode: false}", "strict: {ingress: false}"), network);
    assertEquals(new AuditView.Row("node-to-node", 0, 0, 0, 3), row(audit, "node-to-node"));
    assertEquals(new AuditView.Row("pod-to-pod", 0, 0, 7, 4), row(audit, "pod-to-pod"));
    assertEquals(7, audit.clear());
  }

  @Test
  void aCounterThatTheGuardLacksIsNotTakenForZero() throws Exception {
    network.count("pod_to_pod_out", 0);
    network.uncounted("node_to_pod_in");
    IOException fault = assertThrows(IOException.class, () -> Audit.of(config(), network));
    assertTrue(fault.toString().contains("does not count 'node_to_pod_in'"), fault::toString);
  }

  @Test
  void whatPassesTheGuardIsTold() throws Exception {
    network.blindSpot(BlindSpot.MACVLAN, "device mv0 on wire0");
    network.count("link_out", 3);
    AuditView audit = Audit.of(config(), network);
    assertTrue(audit.blindSpots().getFirst().startsWith("macvlan (device mv0 on wire0)"));
    assertEquals(3, row(audit, "past the IP layer").dropped());
    network.uncounted("link_out");
    String lacking = "the guard's second layer does not stand; ";
    assertEquals(
        lacking + "'culvert up' loads it", Audit.of(config(), network).blindSpots().getLast());
    network.noPhysicalDevice();
    assertEquals(
        lacking + "no device is known that leads to other nodes",
        Audit.of(config(), network).blindSpots().getLast());
  }

  @Test
  void withoutAGuardNobodyCounted() throws Exception {
    assertFalse(Audit.of(config(), network).guarded());
  }
}
