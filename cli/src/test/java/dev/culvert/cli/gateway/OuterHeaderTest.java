// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static dev.culvert.cli.kit.EspPair.OUR_V4;
import static dev.culvert.cli.kit.EspPair.OUR_V6;
import static dev.culvert.cli.kit.EspPair.PEER_V4;
import static dev.culvert.cli.kit.EspPair.PEER_V6;
import static dev.culvert.cli.kit.EspPair.WIRE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.EspPair;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.UpPair;
import dev.culvert.cli.kit.UpPair.Keys;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Waiting;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** DSCP, ECN and DF of packets on the wire, as the kernel sends them. */
@SuppressWarnings("try") // gateways that only have to be there
@Tag("integration")
final class OuterHeaderTest {
  private static final int ETHERNET = 14;
  private static final int CONTROL = 0x88;
  private static final int EF = 0xb8;
  private static final int AF11_ECT0 = 0x2a;
  private static final int ECT0 = 2;
  private static final int CE = 3;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("nft");
  }

  /**
   * A header.
   *
   * @param message whether it is no sealed packet: a handshake, or a message of the keying
   * @param df always with IPv6
   */
  private record Outer(boolean message, int tos, boolean df) {
    static Outer of(byte[] bytes, int ip, boolean wireGuard) {
      boolean v4 = (bytes[ip] & 0xf0) == 0x40;
      int tos =
          v4 ? bytes[ip + 1] & 0xff : ((bytes[ip] & 0xf) << 4) | ((bytes[ip + 1] & 0xf0) >> 4);
      boolean raw = bytes[ip + (v4 ? 9 : 6)] == 50;
      int payload = ip + (v4 ? 20 : 40) + 8;
      boolean message = !raw && (wireGuard ? bytes[payload] < 4 : isZero(bytes, payload));
      return new Outer(message, tos, !v4 || (bytes[ip + 6] & 0x40) != 0);
    }

    private static boolean isZero(byte[] bytes, int at) {
      return (bytes[at] | bytes[at + 1] | bytes[at + 2] | bytes[at + 3]) == 0;
    }
  }

  /** All headers that our end sends while {@code action} runs. */
  private static Set<Outer> sent(EspPair pair, Keys keys, Runnable action) {
    String filter =
        "(udp port %d or proto 50 or ip6 proto 50) and src host %s"
            .formatted(keys.port, pair.wireAddress(1));
    ConcurrentLinkedQueue<Outer> all = new ConcurrentLinkedQueue<>();
    try (Capture capture =
        Capture.start(
            pair.peers,
            WIRE,
            filter,
            List.of(),
            frame -> all.add(Outer.of(frame, ETHERNET, keys == Keys.WIREGUARD)))) {
      action.run();
      capture.stop();
    }
    return new HashSet<>(all);
  }

  /** Without the messages of the keying, which come when they like. */
  private static Set<Outer> sealed(Set<Outer> all) {
    return all.stream().filter(outer -> !outer.message()).collect(Collectors.toSet());
  }

  private static void ping(EspPair pair, boolean v6, int tos, boolean df) {
    Commands.Result ping =
        EspPair.ping(
            pair.ours,
            v6 ? OUR_V6 : OUR_V4,
            v6 ? PEER_V6 : PEER_V4,
            "-Q",
            Integer.toString(tos),
            "-M",
            df ? "do" : "dont");
    assertTrue(ping.succeeded(), ping::toString);
  }

  private static UpPair up(EspPair pair, Keys keys, String... esp) {
    UpPair gateways = new UpPair(pair, keys, List.of(esp));
    assertTrue(
        Waiting.until(
            Commands.PATIENCE, () -> EspPair.ping(pair.ours, OUR_V4, PEER_V4).succeeded()),
        gateways::output);
    return gateways;
  }

  @ParameterizedTest(name = "{0}, IPv6 outside {1}")
  @CsvSource({"udp,false", "udp,true", "raw,false", "raw,true"})
  void espHasTheTosAndDfOfWhatItCarries(String encapsulation, boolean overV6) {
    try (EspPair pair = new EspPair(overV6);
        UpPair gateways = up(pair, Keys.GLOBAL, "encapsulation: " + encapsulation)) {
      assertCarriedOutside(pair, overV6, false, EF, true);
      assertCarriedOutside(pair, overV6, false, AF11_ECT0, false);
      assertCarriedOutside(pair, overV6, true, EF, true);
      assertCarriedOutside(pair, overV6, true, AF11_ECT0, false);
    }
  }

  private static void assertCarriedOutside(
      EspPair pair, boolean overV6, boolean v6, int tos, boolean df) {
    // IPv6 is fragmented by nobody on the way: outside it is as if DF were set.
    assertEquals(
        Set.of(new Outer(false, tos, df || v6 || overV6)),
        sealed(sent(pair, Keys.GLOBAL, () -> ping(pair, v6, tos, df))),
        "inner IPv6 " + v6 + ", DF " + df);
  }

  @ParameterizedTest(name = "{0} over IPv6 {1}")
  @CsvSource({"GLOBAL,false", "NOISE,true", "WIREGUARD,false"})
  void messagesThatKeysDependOnAreMarkedForIt(Keys keys, boolean overV6) {
    try (EspPair pair = new EspPair(overV6)) {
      Set<Outer> seen =
          sent(
              pair,
              keys,
              () -> {
                try (UpPair gateways = up(pair, keys)) {
                  ping(pair, false, 0, true);
                }
              });
      assertEquals(
          Set.of(new Outer(true, CONTROL, true), new Outer(false, 0, true)), seen, seen::toString);
    }
  }

  /** A router on the way marks all that it sees as having met congestion. */
  private static void markCongestion(EspPair pair, boolean overV6) {
    String family = overV6 ? "ip6" : "ip";
    pair.peers.run("nft", "add table inet congestion");
    pair.peers.run(
        "nft", "add chain inet congestion in { type filter hook prerouting priority raw ; }");
    pair.peers.run(
        "nft",
        "add rule inet congestion in iifname "
            + WIRE
            + " udp dport 4500 "
            + family
            + " ecn set ce");
  }

  @ParameterizedTest(name = "IPv6 outside {0}")
  @CsvSource({"false", "true"})
  void congestionMarkedOutsideReachesTheInsideAndDscpDoesNot(boolean overV6) {
    try (EspPair pair = new EspPair(overV6);
        UpPair gateways = up(pair, Keys.GLOBAL)) {
      markCongestion(pair, overV6);
      ConcurrentLinkedQueue<Integer> inside = new ConcurrentLinkedQueue<>();
      try (Capture tun =
          Capture.start(
              pair.peers,
              gateways.device(2),
              "icmp[icmptype] == icmp-echo",
              List.of(),
              packet -> inside.add(packet[1] & 0xff))) {
        ping(pair, false, AF11_ECT0, true);
        assertFalse(
            EspPair.ping(pair.ours, OUR_V4, PEER_V4, "-Q", Integer.toString(EF)).succeeded(),
            "its sender knows no such mark: it is dropped (RFC 6040)");
        tun.stop();
      }
      assertEquals(Set.of((AF11_ECT0 & ~ECT0) | CE), new HashSet<>(inside));
      String status =
          pair.peers
              .attempt(Commands.PATIENCE, Map.of(), Culvert.command("status", gateways.device(2)))
              .orThrow()
              .out();
      assertTrue(status.contains("5 congestion_unmarkable"), status);
    }
  }

  @Test
  void wireGuardShowsTheUnderlayNoDscp() {
    try (EspPair pair = new EspPair(false);
        UpPair gateways = up(pair, Keys.WIREGUARD)) {
      assertEquals(
          Set.of(new Outer(false, ECT0, true)),
          sealed(sent(pair, Keys.WIREGUARD, () -> ping(pair, false, AF11_ECT0, true))));
    }
  }
}
