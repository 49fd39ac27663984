// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.GatewayOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The number of helper threads follows the machine if the property is absent, and a value outside 0
 * to 64 is refused and named.
 */
final class HelperCountTest {
  @Test
  void isTheMachinesUnlessSaid() throws DeviceException {
    assertEquals(GatewayOptions.BY_MACHINE, HelperCount.parse(null));
    assertEquals(0, HelperCount.parse("0"));
    assertEquals(64, HelperCount.parse("64"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "two", "-1", "65", "1.5", "0x2", " 1"})
  void anythingElseIsRefusedAndNamed(String text) {
    DeviceException refusal = assertThrows(DeviceException.class, () -> HelperCount.parse(text));
    assertEquals(
        "the system property culvert.helpers is '" + text + "': it takes 0 to 64",
        refusal.getMessage());
  }
}
