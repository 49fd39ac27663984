// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.routing.Policy;
import dev.culvert.routing.TrafficClass;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The guard's sums never fall, judge each packet by the policy of its time, and ask nft once in a
 * while.
 */
final class GuardLedgerTest {
  private static final long PAUSE = GuardLedger.PAUSE.toNanos();

  private final FakeNetwork network = new FakeNetwork();
  private final GuardLedger ledger = new GuardLedger(network);
  private long now = -1; // The JVM's clock may be at any number.

  @TempDir private Path directory;

  private Policy policy(String... settings) throws Exception {
    return ConfigFile.read(
            GatewayYaml.of("cv0")
                .with("node: a")
                .nodes(GatewayYaml.entry("a"))
                .with(settings)
                .write(directory.resolve("gw.yaml")))
        .cluster()
        .policy();
  }

  private GuardReading later(Policy policy) {
    now += PAUSE;
    return ledger.read(policy, now);
  }

  private static long podToPod(GuardReading reading, boolean clear) {
    return reading.of(Optional.of(TrafficClass.POD_TO_POD), clear).packets();
  }

  @Test
  void packetsAreJudgedByThePolicyUnderWhichTheyWereCounted() throws Exception {
    Policy strict = policy();
    Policy lenient = policy("strict: {egress: false, ingress: false}");
    network.count("pod_to_pod_out", 3);
    assertEquals(3, podToPod(later(strict), false));
    network.count("pod_to_pod_out", 5);
    ledger.settle(strict, now);
    network.count("pod_to_pod_out", 12);
    GuardReading reading = later(lenient);
    assertEquals(5, podToPod(reading, false));
    assertEquals(7, podToPod(reading, true));
    assertEquals(7, reading.clear(true).packets());
    assertEquals(700, reading.clear(true).bytes());
    assertEquals(0, reading.clear(false).packets());
  }

  @Test
  void aGuardThatIsMadeAnewCountsOn() throws Exception {
    Policy policy = policy();
    network.count("unknown_in", 10);
    network.count("exempt_api_server_request_out", 4);
    later(policy);
    network.flushGuard();
    GuardReading without = later(policy);
    assertFalse(without.present());
    assertEquals(10, without.of(Optional.empty(), false).packets());
    network.count("unknown_in", 2);
    network.count("exempt_api_server_request_out", 1);
    GuardReading again = later(policy);
    assertTrue(again.present());
    assertEquals(12, again.of(Optional.empty(), false).packets());
    assertEquals(500, Objects.requireNonNull(again.exemptions().get("api-server")).bytes());
  }

  @Test
  void nftIsNotAskedMoreOftenThanOncePerPause() throws Exception {
    Policy policy = policy();
    network.count("unknown_in", 1);
    later(policy);
    network.count("unknown_in", 2);
    now += PAUSE - 1;
    assertEquals(1, ledger.read(policy, now).of(Optional.empty(), false).packets());
    now += 1;
    assertEquals(2, ledger.read(policy, now).of(Optional.empty(), false).packets());
  }
}
