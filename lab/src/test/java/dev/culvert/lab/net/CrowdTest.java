// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Patience grows with the programs that want a processor, within bounds. */
final class CrowdTest {
  @ParameterizedTest
  @CsvSource({
    "0.10 0.20 0.30 1/200 4711, 2, 1",
    "2.00 9.00 9.00 1/200 4711, 2, 1",
    "6.00 1.00 1.00 1/200 4711, 2, 3",
    "1.00 1.00 1.00 8/200 4711, 2, 4",
    "64.0 1.00 1.00 8/200 4711, 2, 6"
  })
  void itIsTheProgramsPerProcessor(String line, int processors, double factor) {
    assertEquals(factor, Crowd.factor(line, processors));
  }

  @Test
  void patienceEnds() {
    Crowd.Patience none = new Crowd.Patience(Duration.ZERO);
    assertTrue(none.isOver());
    assertFalse(new Crowd.Patience(Duration.ofHours(1)).isOver());
    assertFalse(Waiting.until(Duration.ofMillis(30), () -> false));
    assertTrue(Waiting.until(Duration.ZERO, () -> true));
  }
}
