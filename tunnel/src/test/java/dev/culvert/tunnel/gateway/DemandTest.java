// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** When the ciphers' warm-up works and when it rests, with simulated sleep and traffic. */
class DemandTest {
  private long nanos;
  private long packets;
  private long packetsALook;
  private boolean ended;

  private final Demand demand = demand(Demand.PATIENT);

  private Demand demand(int mostLooks) {
    return new Demand(() -> packets, () -> nanos, this::sleep, () -> ended, mostLooks);
  }

  private void sleep(long sleepNanos) {
    nanos += sleepNanos;
    packets += packetsALook;
  }

  private long rest() {
    long before = nanos;
    demand.rest();
    return nanos - before;
  }

  @Test
  void anIdleDaemonWorksAFortiethOfTheTimeAtMost() {
    long spell = CipherChoice.REST_NANOS;
    assertTrue(rest() >= 40 * spell);
    assertTrue(rest() >= 40 * spell);
  }

  @Test
  void pingsAndKeepalivesAreNoTraffic() {
    packetsALook = 10;
    assertEquals(Demand.PATIENT * Demand.LOOK_NANOS, rest());
  }

  @Test
  void trafficIsNoticedAtTheNextLookAndHasShortRests() {
    rest();
    packetsALook = 1000;
    for (int spell = 0; spell < 20; spell++) {
      assertEquals(Demand.LOOK_NANOS, rest());
    }
  }

  @Test
  void whenTrafficEndsTheRestsAreLongAgain() {
    packetsALook = 1000;
    rest();
    packetsALook = 0;
    assertEquals(Demand.PATIENT * Demand.LOOK_NANOS, rest());
  }

  @Test
  void theEndOfTheGatewayCutsARestShort() {
    ended = true;
    assertEquals(0, rest());
  }

  @Test
  void aHurriedOneRestsForOneCheck() {
    Demand hurried = demand(Demand.HURRIED);
    hurried.rest();
    assertEquals(Demand.LOOK_NANOS, nanos);
  }

  @Test
  void trafficIsThereFromTheNextCheckOn() {
    assertFalse(demand.isThere());
    packets += Demand.TRAFFIC;
    assertFalse(demand.isThere(), "not before the next check");
    nanos += Demand.LOOK_NANOS;
    assertTrue(demand.isThere());
  }

  @Test
  void pingsAreNoTrafficHoweverLongAgoTheLastCheckWas() {
    packets += 10 * Demand.TRAFFIC;
    nanos += 100 * Demand.LOOK_NANOS;
    assertFalse(demand.isThere());
  }

  @Test
  void theEndOfTheGatewayCountsAsTraffic() {
    ended = true;
    assertTrue(demand.isThere());
  }
}
