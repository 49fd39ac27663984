// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A known sender gets the same object again, and never that of another sender. */
class EndpointCacheTest {
  private final EndpointCache cache = new EndpointCache(7);

  private Endpoint v6(
      long high, long low, int port, int scope, long sourceLow, int sourceInterface) {
    return cache.get(
        IpFamily.V6, high, low, port, scope, 0xfd00L << 48, sourceLow, sourceInterface);
  }

  @Test
  void aKnownSenderIsTheSameObject() {
    Endpoint first = v6(1, 2, 3, 0, 5, 6);
    assertSame(first, v6(1, 2, 3, 0, 5, 6));
  }

  @Test
  void sendersThatMeetInOneEntryAreNeverTakenForEachOther() {
    // So few values a field that keys differ in one field alone, so many keys that entries are
    // shared.
    Random random = new Random(11);
    for (int i = 0; i < 200_000; i++) {
      long high = 0x2001_0db8L << 32 | random.nextInt(3);
      long low = random.nextLong(1, 8);
      int port = random.nextInt(1, 65_536);
      long sourceLow = random.nextInt(5);
      int sourceInterface = random.nextInt(4);
      IpAddress source = sourceInterface == 0 ? null : IpAddress.ofV6(0xfd00L << 48, sourceLow);
      Endpoint expected = new Endpoint(IpAddress.ofV6(high, low), port, 0, source, sourceInterface);
      assertEquals(expected, v6(high, low, port, 0, sourceLow, sourceInterface));
    }
  }

  @Test
  void theFamilyAndTheScopeTellSendersApart() {
    Endpoint v4 = cache.get(IpFamily.V4, 0, 0x7f000001, 9, 0, 0, 0x7f000001, 1);
    assertEquals(
        new Endpoint(IpAddress.parse("127.0.0.1"), 9, 0, IpAddress.parse("127.0.0.1"), 1), v4);
    assertEquals("[::7f00:1]:9", String.valueOf(v6(0, 0x7f000001, 9, 0, 0, 0)));
    long linkLocal = 0xfe80L << 48;
    assertEquals("[fe80::1%2]:9", String.valueOf(v6(linkLocal, 1, 9, 2, 0, 0)));
    assertEquals("[fe80::1%3]:9", String.valueOf(v6(linkLocal, 1, 9, 3, 0, 0)));
  }

  @Test
  void whatOnlyAForgerSendsFromIsNotUsable() {
    ReceivedFrom from = new ReceivedFrom(cache);
    from.sentBy(IpFamily.V6, 1, 2, 9);
    assertTrue(from.usable());
    from.sentBy(IpFamily.V6, 1, 2, 0);
    assertFalse(from.usable());
    from.sentBy(IpFamily.V6, 0, 0xffff_7f00_0001L, 9);
    assertFalse(from.usable());
  }

  @Test
  void whichSendersShareAnEntryDependsOnTheSeed() {
    // Those that displace 2001:db8::1 under one seed; under another most of them do not.
    long high = 0x2001_0db8L << 32;
    int here = 0;
    int there = 0;
    EndpointCache other = new EndpointCache(8);
    for (int low = 2; low < 20_000; low++) {
      if (displaces(cache, high, low)) {
        here++;
        there += displaces(other, high, low) ? 1 : 0;
      }
    }
    assertTrue(here > 20, here + " share it");
    assertTrue(there < here / 4, there + " of " + here + " share it under both");
  }

  @SuppressWarnings("ReferenceEquality") // It is about which object.
  private static boolean displaces(EndpointCache in, long high, long low) {
    Endpoint first = in.get(IpFamily.V6, high, 1, 9, 0, 0, 0, 0);
    in.get(IpFamily.V6, high, low, 9, 0, 0, 0, 0);
    return in.get(IpFamily.V6, high, 1, 9, 0, 0, 0, 0) != first;
  }
}
