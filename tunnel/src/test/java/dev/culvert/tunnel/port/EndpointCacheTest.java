package dev.culvert.tunnel.port;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class EndpointCacheTest {
  private final EndpointCache cache = new EndpointCache();

  private @Nullable Endpoint v6(
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
  void whatOnlyAForgerSendsFromHasNoEndpoint() {
    assertNull(v6(1, 2, 0, 0, 0, 0));
    assertNull(v6(0, 0xffff_7f00_0001L, 9, 0, 0, 0));
  }
}
