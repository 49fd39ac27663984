// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.restart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.SideBySide;
import dev.culvert.cli.kit.TestLab;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** No key seals two packets with one counter, however often its gateway is handed over. */
final class HandoverNoncesTest {
  private static final int ETHERNET_IPV4_UDP = 42;
  private static final int REPORT_EVERY = 50;
  private static final int SOAK_THOUSANDS_PER_SECOND = 3;

  @TempDir private Path folder;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  @Test
  @Tag("integration")
  void noCounterIsUsedTwiceOverTenHandOvers() throws IOException {
    noneIsUsedTwice(LabEngine.WIREGUARD, 10, 1, Culvert.command());
  }

  @ParameterizedTest
  @EnumSource(LabEngine.class)
  @Tag("integration")
  @Tag("soak")
  void noCounterIsUsedTwiceOverAThousandHandOvers(LabEngine engine) throws IOException {
    noneIsUsedTwice(
        engine,
        Integer.getInteger("culvert.handovers", 1000),
        SOAK_THOUSANDS_PER_SECOND,
        Culvert.unrehearsed());
  }

  /** The control: a build whose counters go back is found. */
  @Test
  @Tag("integration")
  void countersThatGoBackAreFound() throws IOException {
    areFound(LabEngine.WIREGUARD);
  }

  @ParameterizedTest
  @EnumSource(
      value = LabEngine.class,
      names = {"ESP", "NOISE"})
  @Tag("integration")
  @Tag("soak")
  void countersOfEspThatGoBackAreFound(LabEngine engine) throws IOException {
    areFound(engine);
  }

  private static void noneIsUsedTwice(
      LabEngine engine, int handOvers, int thousandsPerSecond, List<String> culvert)
      throws IOException {
    try (TestLab lab = new TestLab(engine)) {
      ReplacedGateway a = new ReplacedGateway(lab.gatewayA, culvert);
      ReplacedGateway b = new ReplacedGateway(lab.gatewayB, culvert);
      try (WatchedTraffic traffic = WatchedTraffic.start(lab, engine, thousandsPerSecond)) {
        SentCounters counters = traffic.counters();
        for (int done = 0; done < handOvers; done += 2) {
          long before = counters.packets();
          SideBySide.run(a::replace, b::replace);
          assertTrue(Waiting.until(Commands.PATIENCE, () -> counters.packets() > before + 100));
          assertEquals(0, counters.repeats(), counters::toString);
          if (done % REPORT_EVERY == REPORT_EVERY - 2) {
            System.out.println(engine + " after " + (done + 2) + " hand-overs: " + counters);
          }
        }
        WatchedTraffic.Outcome outcome = traffic.finish();
        System.out.printf(
            "FIGURE hand-overs of %s: %d, both ends at once; %s; %s%n",
            engine, handOvers, counters, outcome);
        assertEquals(0, counters.repeats(), counters::toString);
      }
    }
  }

  private void areFound(LabEngine engine) throws IOException {
    try (TestLab lab = new TestLab(engine)) {
      ReplacedGateway a = new ReplacedGateway(lab.gatewayA, StaleCounters.command(folder));
      try (WatchedTraffic traffic = WatchedTraffic.start(lab, engine)) {
        a.replace();
        SentCounters counters = traffic.counters();
        assertTrue(
            Waiting.until(Commands.PATIENCE, () -> counters.repeats() > 0), counters::toString);
        System.out.println("counters of " + engine + " that go back: " + counters);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(LabEngine.class)
  void theCountTellsARepeatFromAnotherKeyDirectionAndCounter(LabEngine engine) {
    SentCounters counters = new SentCounters(engine);
    for (byte[] packet :
        List.of(
            packet(engine, 1, 7, 5),
            packet(engine, 1, 7, 6),
            packet(engine, 2, 7, 5),
            packet(engine, 1, 8, 5),
            packet(engine, 1, 7, 5L << 32),
            packet(engine, 1, 7, 5 + (1 << 16)))) {
      counters.add(packet);
    }
    assertEquals(6, counters.packets());
    assertEquals(3, counters.keys());
    assertEquals(0, counters.repeats());
    counters.add(packet(engine, 1, 7, 6));
    assertEquals(7, counters.packets());
    assertEquals(1, counters.repeats());
  }

  /** A packet of data as it crosses the wire. */
  private static byte[] packet(LabEngine engine, int sender, int session, long counter) {
    boolean wireGuard = engine == LabEngine.WIREGUARD;
    ByteBuffer packet = ByteBuffer.allocate(ETHERNET_IPV4_UDP + 100);
    packet.put(14, (byte) 0x45).put(23, (byte) 17).putInt(26, sender);
    packet.putShort(36, (short) (wireGuard ? 51820 : 4500));
    if (wireGuard) {
      packet.order(ByteOrder.LITTLE_ENDIAN);
      packet.putInt(ETHERNET_IPV4_UDP, 4).putInt(ETHERNET_IPV4_UDP + 4, session);
    } else {
      packet.putInt(ETHERNET_IPV4_UDP, session).putInt(ETHERNET_IPV4_UDP + 4, (int) counter);
    }
    return packet.putLong(ETHERNET_IPV4_UDP + 8, counter).array();
  }
}
