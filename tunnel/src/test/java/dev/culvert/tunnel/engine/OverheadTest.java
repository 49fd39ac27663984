// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.plan.TunnelMtu;
import dev.culvert.tunnel.esp.EspOverhead;
import dev.culvert.tunnel.wireguard.WireGuardOverhead;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A packet of the tunnel's MTU fits the link when it is sealed, and none longer does. */
class OverheadTest {
  private static void fills(Overhead overhead, int mtu, int link, boolean v4, boolean udp) {
    int around = (v4 ? 20 : 40) + (udp ? 8 : 0);
    assertEquals(mtu, overhead.longestInner(TunnelMtu.room(link, v4, udp)));
    assertTrue(around + overhead.sealedLength(mtu, mtu) <= link);
    assertTrue(around + overhead.sealedLength(mtu + 1, mtu) > link);
  }

  @ParameterizedTest
  @CsvSource({
    "1500, true, 1440, 1446, 1438",
    "1500, false, 1420, 1426, 1418",
    "9000, true, 8940, 8946, 8938"
  })
  void theTunnelsMtuFillsTheLink(int link, boolean v4, int wireGuard, int esp, int espInUdp) {
    fills(WireGuardOverhead.INSTANCE, wireGuard, link, v4, true);
    fills(EspOverhead.INSTANCE, esp, link, v4, false);
    fills(EspOverhead.INSTANCE, espInUdp, link, v4, true);
  }
}
