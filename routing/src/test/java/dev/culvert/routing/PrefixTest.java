// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A prefix clears its host bits, contains exactly the addresses and longer prefixes in its range,
 * and sorts by address, then length.
 */
class PrefixTest {
  @ParameterizedTest
  @CsvSource({
    "10.1.2.3/8, 10.0.0.0/8",
    "10.1.2.3/0, 0.0.0.0/0",
    "10.1.2.3/32, 10.1.2.3/32",
    "10.1.2.3, 10.1.2.3/32",
    "255.255.255.255/31, 255.255.255.254/31",
    "2001:db8::1/32, 2001:db8::/32",
    "ffff:ffff:ffff:ffff:ffff::/63, ffff:ffff:ffff:fffe::/63",
    "ffff:ffff:ffff:ffff:ffff::/64, ffff:ffff:ffff:ffff::/64",
    "ffff:ffff:ffff:ffff:ffff::/65, ffff:ffff:ffff:ffff:8000::/65",
    "::1/0, ::/0",
    "::1/128, ::1/128",
    "::1, ::1/128"
  })
  void clearsHostBits(String text, String canonical) {
    assertEquals(canonical, Prefix.parse(text).toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "/",
        "10.0.0.0/",
        "10.0.0.0/33",
        "::/129",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/8/8",
        "10.0.0.0/0008",
        "10.0.0.0/ 8",
        "host/8"
      })
  void refusesWhatIsNoPrefix(String text) {
    assertThrows(IllegalArgumentException.class, () -> Prefix.parse(text));
  }

  @Test
  void containsItsAddressesAndNoOthers() {
    Prefix prefix = Prefix.parse("10.0.0.0/25");
    assertTrue(prefix.contains(IpAddress.parse("10.0.0.0")));
    assertTrue(prefix.contains(IpAddress.parse("10.0.0.127")));
    assertFalse(prefix.contains(IpAddress.parse("10.0.0.128")));
    assertFalse(prefix.contains(IpAddress.parse("::a00:0")));
    assertFalse(Prefix.parse("0.0.0.0/0").contains(IpAddress.parse("::")));
    assertTrue(Prefix.parse("::/0").contains(IpAddress.parse("ffff::")));
  }

  @Test
  void containsLongerPrefixesInIt() {
    Prefix prefix = Prefix.parse("fd00::/8");
    assertTrue(prefix.contains(prefix));
    assertTrue(prefix.contains(Prefix.parse("fd12::/16")));
    assertFalse(prefix.contains(Prefix.parse("fc00::/7")));
    assertFalse(prefix.contains(Prefix.parse("fe00::/8")));
  }

  @Test
  void sortsByAddressThenLength() {
    assertTrue(Prefix.parse("10.0.0.0/8").compareTo(Prefix.parse("10.0.0.0/9")) < 0);
    assertTrue(Prefix.parse("10.0.0.0/32").compareTo(Prefix.parse("11.0.0.0/8")) < 0);
    assertEquals(0, Prefix.parse("10.0.0.1/8").compareTo(Prefix.parse("10.0.0.0/8")));
  }
}
