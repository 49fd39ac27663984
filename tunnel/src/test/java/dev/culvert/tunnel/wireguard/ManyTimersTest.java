// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static java.util.concurrent.TimeUnit.MICROSECONDS;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.noise.Timer;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The timers of thousands of peers, which expire one after the other. */
final class ManyTimersTest {
  private static final int PEERS = 2000;
  private static final long APART = MICROSECONDS.toNanos(100);
  private static final long LATEST = MILLISECONDS.toNanos(10);

  private final WireGuardEngine engine =
      new WireGuardEngine(Node.backend(), Node.seeded(1), null, Limits.OF_THE_PAPER);

  @AfterEach
  void close() {
    engine.close();
  }

  /** A look at all timers takes longer the more peers there are, so there must be fewer of them. */
  @Test
  void timersOfManyPeersAreLookedAtTogetherAndNoneIsForgotten() {
    Random random = new Random(1);
    engine.apply(
        new DeviceUpdate(
            null,
            OptionalInt.empty(),
            OptionalInt.empty(),
            true,
            Stream.generate(() -> peer(random)).limit(PEERS).toList()));
    List<WireGuardPeer> peers = engine.peers().stream().map(peer -> (WireGuardPeer) peer).toList();
    for (int i = 0; i < PEERS; i++) {
      peers.get(i).timers().arm(Timer.PASSIVE_KEEPALIVE, i * APART);
    }
    int looks = 0;
    int expired = 0;
    for (long now = engine.nextDeadlineNanos();
        now != Long.MAX_VALUE;
        now = engine.nextDeadlineNanos()) {
      assertTrue(now - expired * APART <= LATEST, "the timer of peer " + expired + " is late");
      engine.advance(now, 0);
      looks++;
      while (expired < PEERS && !peers.get(expired).timers().isArmed(Timer.PASSIVE_KEEPALIVE)) {
        expired++;
      }
    }
    assertEquals(PEERS, expired);
    assertTrue(looks < PEERS / 50, "looks at all timers: " + looks);
  }

  private static PeerUpdate peer(Random random) {
    byte[] key = new byte[PublicKey.LENGTH];
    random.nextBytes(key);
    return new PeerUpdate(
        PublicKey.of(key), false, false, null, null, OptionalInt.empty(), true, List.of());
  }
}
