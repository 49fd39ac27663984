// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * An IP address is parsed from numeric text alone, prints as canonical text, and sorts IPv4 before
 * IPv6 in unsigned order.
 */
class IpAddressTest {
  /** The examples of RFC 5952 and the edges of its rules. */
  @ParameterizedTest
  @CsvSource({
    "2001:0db8::0001, 2001:db8::1",
    "2001:db8:0:0:0:0:2:1, 2001:db8::2:1",
    "2001:db8:0:1:1:1:1:1, 2001:db8:0:1:1:1:1:1",
    "2001:0:0:1:0:0:0:1, 2001:0:0:1::1",
    "2001:db8:0:0:1:0:0:1, 2001:db8::1:0:0:1",
    "2001:DB8::AbC, 2001:db8::abc",
    "0:0:0:0:0:0:0:0, ::",
    "0:0:0:0:0:0:0:1, ::1",
    "1:0:0:0:0:0:0:0, 1::",
    "fe80::192.0.2.1, fe80::c000:201",
    "::ffff:192.0.2.1, 192.0.2.1",
    "192.0.2.1, 192.0.2.1",
    "0.0.0.0, 0.0.0.0",
    "255.255.255.255, 255.255.255.255"
  })
  void printsCanonicalText(String text, String canonical) {
    assertEquals(canonical, IpAddress.parse(text).toString());
    assertEquals(IpAddress.parse(text), IpAddress.parse(canonical));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "localhost",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "256.0.0.1",
        "1.2.3.04",
        "1.2.3.",
        " 1.2.3.4",
        "+1.2.3.4",
        "0x1.2.3.4",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3",
        ":::",
        "12345::",
        "fe80::1%eth0",
        "[::1]",
        "g::",
        "::1.2.3.256",
        "bad.cafe.dead.beef"
      })
  void refusesWhatIsNoNumericAddress(String text) {
    assertThrows(IllegalArgumentException.class, () -> IpAddress.parse(text));
  }

  @Test
  void textAndBytesRoundTrip() throws Exception {
    Random random = new Random(7);
    for (int i = 0; i < 2000; i++) {
      // Whole groups cleared, so that runs of zeros are common.
      long high = random.nextLong() & clearedGroups(random);
      long low = random.nextLong() & clearedGroups(random);
      for (IpAddress address :
          new IpAddress[] {IpAddress.ofV6(high, low), IpAddress.ofV4((int) low)}) {
        assertEquals(address, IpAddress.parse(address.toString()));
        assertEquals(address, IpAddress.ofBytes(address.toBytes()));
        assertEquals(InetAddress.getByAddress(address.toBytes()), address.toInetAddress());
      }
    }
  }

  @Test
  void mappedAddressIsTheIpv4Address() {
    assertEquals(IpAddress.parse("10.1.2.3"), IpAddress.ofV6(0, 0xffff_0a01_0203L));
    assertArrayEquals(new byte[] {10, 1, 2, 3}, IpAddress.parse("::ffff:10.1.2.3").toBytes());
  }

  @Test
  void refusesOtherLengthsOfBytes() {
    assertThrows(IllegalArgumentException.class, () -> IpAddress.ofBytes(new byte[5]));
    assertThrows(IllegalArgumentException.class, () -> new IpAddress(true, 0, 1L << 32));
    assertThrows(IllegalArgumentException.class, () -> new IpAddress(true, 1, 0));
  }

  @Test
  void sortsIpv4FirstAndThenUnsigned() {
    IpAddress[] sorted =
        Stream.of("0.0.0.0", "127.0.0.1", "255.0.0.0", "::", "7fff::", "8000::", "8000::8000:0:0:0")
            .map(IpAddress::parse)
            .toArray(IpAddress[]::new);
    for (int i = 0; i < sorted.length; i++) {
      for (int j = 0; j < sorted.length; j++) {
        assertEquals(
            Integer.signum(Integer.compare(i, j)), Integer.signum(sorted[i].compareTo(sorted[j])));
      }
    }
  }

  @Test
  void linkLocalIsFe80Slash10() {
    assertTrue(IpAddress.parse("fe80::1").isLinkLocalV6());
    assertTrue(IpAddress.parse("febf::1").isLinkLocalV6());
    assertFalse(IpAddress.parse("fec0::1").isLinkLocalV6());
    assertFalse(IpAddress.parse("254.128.0.1").isLinkLocalV6());
  }

  private static long clearedGroups(Random random) {
    long mask = 0;
    for (int group = 0; group < 4; group++) {
      mask = mask << 16 | (random.nextBoolean() ? 0xffff : 0);
    }
    return mask;
  }
}
