// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The names of gateways' interfaces: accepted by the kernel, and no way out of a folder. */
class InterfaceNameTest {
  @ParameterizedTest
  @ValueSource(strings = {"a", "culvert0", "fifteen-letters", "A_=+.-9", "..."})
  void aNameOfTheKernelAndOfWgQuickIsAccepted(String name) {
    assertEquals(name, InterfaceName.check(name));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "sixteen-letters-", ".", "..", "a/b", "a b", "tun%d", "a:1", "\u00e4", "a\n"})
  void anyOtherIsRefused(String name) {
    assertThrows(IllegalArgumentException.class, () -> InterfaceName.check(name));
  }
}
