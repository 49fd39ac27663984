// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * A TAI64N timestamp is big-endian, rounded down to steps of 2^24 ns, and sorts as its bytes do;
 * its successor is the smallest later one.
 */
class Tai64nTest {
  private static final long SECOND = 1_000_000_000L;

  @Test
  void theUnixEpochIsTenSecondsPastTwoToThe62() {
    assertEquals("400000000000000a00000000", hexOf(Tai64n.ofWallNanos(0)));
  }

  /** 2021-01-01T00:00:00.5Z: 500,000,000 = 0x1dcd6500, of which whitening leaves 0x1d000000. */
  @Test
  void isBigEndianAndWhitenedTo2ToThe24Nanoseconds() {
    Tai64n stamp = Tai64n.ofWallNanos(1_609_459_200L * SECOND + 500_000_000);
    assertEquals("400000005fee660a1d000000", hexOf(stamp));
    assertEquals(Instant.parse("2021-01-01T00:00:00.486539264Z"), stamp.toInstant());
  }

  @Test
  void momentsWithinOneStepLookAlike() {
    Tai64n start = Tai64n.ofWallNanos(SECOND + (1 << 24));
    assertEquals(start, Tai64n.ofWallNanos(SECOND + (1 << 25) - 1));
    assertTrue(start.compareTo(Tai64n.ofWallNanos(SECOND + (1 << 25))) < 0);
    assertTrue(start.compareTo(Tai64n.ofWallNanos(SECOND + (1 << 24) - 1)) > 0);
  }

  @Test
  void aClockBefore1970StillGivesATimestamp() {
    Tai64n stamp = Tai64n.ofWallNanos(-1);
    assertEquals("4000000000000009" + "3b000000", hexOf(stamp));
    assertEquals(-1, stamp.toInstant().getEpochSecond());
  }

  @Test
  void nextIsTheSmallestLaterWhitenedTimestamp() {
    long step = 1 << 24;
    Tai64n zero = Tai64n.ofWallNanos(0);
    assertEquals(Tai64n.ofWallNanos(step), zero.next());
    assertEquals(Tai64n.ofWallNanos(SECOND), Tai64n.ofWallNanos(SECOND - 1).next());
    // A foreign timestamp need not be whitened: the next whitened one is less than a step away.
    assertEquals(Tai64n.ofWallNanos(step), new Tai64n(zero.label(), 5).next());
    // Nor need its nanoseconds be fewer than a second's.
    assertEquals(Tai64n.ofWallNanos(SECOND), new Tai64n(zero.label(), -1).next());
    assertThrows(ArithmeticException.class, () -> new Tai64n(-1, 999_999_999).next());
  }

  @Test
  void nextAlwaysGrowsByAtMostOneStep() {
    Tai64n stamp = Tai64n.ofWallNanos(1_700_000_000L * SECOND);
    for (int i = 0; i < 200; i++) {
      Tai64n next = stamp.next();
      assertTrue(next.compareTo(stamp) > 0);
      long wall = Math.addExact(next.toInstant().getEpochSecond() * SECOND, next.nanos());
      assertEquals(next, Tai64n.ofWallNanos(wall));
      stamp = next;
    }
    // 60 steps to a second: 0 to 59 of 2^24 ns.
    assertEquals(1_700_000_000L + 200 / 60, stamp.toInstant().getEpochSecond());
  }

  /** Receivers compare as memcmp does, so we must order as the bytes do, whatever was sent. */
  @Test
  void ordersAsItsBytesDo() {
    Random random = new Random(64);
    for (int i = 0; i < 2000; i++) {
      byte[] a = new byte[Tai64n.LENGTH];
      byte[] b = new byte[Tai64n.LENGTH];
      random.nextBytes(a);
      random.nextBytes(b);
      System.arraycopy(a, 0, b, 0, random.nextInt(Tai64n.LENGTH + 1));
      int expected = Integer.signum(Arrays.compareUnsigned(a, b));
      assertEquals(expected, Integer.signum(Tai64n.ofBytes(a).compareTo(Tai64n.ofBytes(b))));
      assertEquals(Vectors.hex(a), hexOf(Tai64n.ofBytes(a)));
    }
  }

  @Test
  void absurdTimestampsBecomeTheEndsOfTime() {
    assertEquals(Instant.MIN, new Tai64n(0, 0).toInstant());
    assertEquals(Instant.MAX, new Tai64n(-1, -1).toInstant());
    assertEquals(Instant.MAX, new Tai64n(Long.MIN_VALUE, 0).toInstant());
    assertEquals(
        Instant.ofEpochSecond(0, 999_999_999), new Tai64n(0x400000000000000aL, -1).toInstant());
  }

  @Test
  void refusesAnotherLength() {
    assertThrows(IllegalArgumentException.class, () -> Tai64n.ofBytes(new byte[11]));
    assertThrows(IllegalArgumentException.class, () -> Tai64n.ofBytes(new byte[13]));
  }

  private static String hexOf(Tai64n stamp) {
    return Vectors.hex(stamp.toBytes());
  }
}
