// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** When the lab takes its gateways for warm. */
final class SpeedCurveTest {
  private static SpeedCurve curve(double... seconds) {
    SpeedCurve curve = new SpeedCurve();
    for (double second : seconds) {
      curve.add(second);
    }
    return curve;
  }

  @Test
  void aColdGatewayRises() {
    assertTrue(curve().rises());
    assertTrue(curve(0.2, 0.3, 0.4, 0.9).rises());
    assertTrue(curve(0.2, 0.3, 0.4, 0.9, 3.1, 6.0).rises());
  }

  @Test
  void aPauseOfTheCompilerIsNotTheEnd() {
    assertTrue(curve(1.0, 1.0, 0.9, 1.0, 2.5).rises());
  }

  @Test
  void aSpeedThatOnlyWaversIsWarm() {
    assertFalse(curve(0.2, 3.0, 7.0, 7.3, 6.8, 7.1, 7.2).rises());
  }

  @Test
  void itReadsAsSpeedsInTheirOrder() {
    assertEquals("0.2 3.0", curve(0.2, 3.04).toString());
    assertEquals(List.of(0.2, 3.0), curve(0.2, 3.0).seconds());
  }
}
