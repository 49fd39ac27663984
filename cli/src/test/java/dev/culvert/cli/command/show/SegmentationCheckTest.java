// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.GatewayView.TrafficView;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The row of {@code culvert doctor} about kernels that damage packets. */
class SegmentationCheckTest {
  @ParameterizedTest
  @CsvSource({
    "7.0, true",
    "7.0.0-12-generic, true",
    "7.0.14, true",
    "7.1.0-rc3+, true",
    "7.1.4-1-amd64, true",
    "7.1.5, false",
    "7.1.10-cloud, false",
    "7.10.1, false",
    "7.2.0, false",
    "6.17.0-41-generic, false",
    "17.0.1, false",
    "'', false",
  })
  void kernelsFrom70To714AreSuspicious(String release, boolean suspicious) {
    assertEquals(suspicious, SegmentationCheck.isSuspicious(release));
    Finding finding = SegmentationCheck.finding(release, List.of(gateway(Map.of())));
    assertEquals(
        suspicious ? Finding.Verdict.WARN : Finding.Verdict.OK, finding.verdict(), finding.found());
  }

  @Test
  void aGatewayThatMetTheDefectSaysMoreThanTheVersion() {
    Finding finding =
        SegmentationCheck.finding(
            "6.17.0-41-generic",
            List.of(gateway(Map.of("udp-segmentation", "kernel_gso_bug")), gateway(Map.of())));
    assertEquals(Finding.Verdict.WARN, finding.verdict());
    assertTrue(finding.advice().contains("hypervisor"), finding.advice());
  }

  @Test
  void aGatewayWhoseOperatorSwitchedItOffHasNotMetTheDefect() {
    Finding finding =
        SegmentationCheck.finding(
            "6.17.0-41-generic", List.of(gateway(Map.of("udp-segmentation", "configured"))));
    assertEquals(Finding.Verdict.OK, finding.verdict());
  }

  private static GatewayView gateway(Map<String, String> off) {
    TrafficView traffic = new TrafficView(1420, 1, List.of(), off, "vector", Map.of(), Map.of());
    return new GatewayView(
        "culvert0", "wireguard", null, 51820, 0, null, traffic, List.of(), null, List.of(), null);
  }
}
