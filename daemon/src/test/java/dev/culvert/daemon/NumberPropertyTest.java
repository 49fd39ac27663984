// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.culvert.tunnel.gateway.DeviceException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A property that is absent leaves the default; a value out of its range is refused and named. */
final class NumberPropertyTest {
  @Test
  void isTheDefaultUnlessSaid() throws DeviceException {
    assertEquals(-1, NumberProperty.HELPERS.parse(null, -1));
    assertEquals(0, NumberProperty.HELPERS.parse("0", -1));
    assertEquals(64, NumberProperty.HELPERS.parse("64", -1));
    assertEquals(15, NumberProperty.REHEARSAL.parse(null, 15));
    assertEquals(600, NumberProperty.REHEARSAL.parse("600", 15));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "two", "-1", "1000", "1.5", "0x2", " 1"})
  void whatIsNoNumberIsRefused(String text) {
    for (NumberProperty property : NumberProperty.values()) {
      assertThrows(DeviceException.class, () -> property.parse(text, 1));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "HELPERS, 65, culvert.helpers, 64",
    "REHEARSAL, 601, culvert.rehearsal, 600",
    "START_REHEARSAL, 601, culvert.start.rehearsal, 600"
  })
  void tooLargeANumberIsRefusedAndNamed(
      NumberProperty property, String text, String name, int most) {
    assertEquals(
        "the system property %s is '%s': it takes 0 to %d".formatted(name, text, most),
        assertThrows(DeviceException.class, () -> property.parse(text, 1)).getMessage());
  }
}
