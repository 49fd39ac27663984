// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.interop;

import static dev.culvert.cli.kit.EspPair.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.EspPair;
import dev.culvert.cli.kit.ManualEspGateway.Setup;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.lab.net.Commands.Result;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Pings;
import dev.culvert.tunnel.port.Encapsulation;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Two of strongSwan's daemons agree on SAs by IKE; then one of them dies without a word, and we
 * take its place under the SAs' keys, as manual SAs. The other must not notice.
 */
@Tag("integration")
final class StrongSwanTest {
  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("nsenter");
    Charon.required();
  }

  @ParameterizedTest
  @CsvSource({"aes128gcm16, false", "aes256gcm16, false", "aes256gcm16, true"})
  void packetsPassBothWays(String cipher, boolean overV6) {
    try (EspPair pair = new EspPair(overV6);
        Charon theirs = charon(pair, cipher)) {
      Setup setup;
      try (Charon placeholder =
          new Charon(
              pair.ours, pair.wireAddress(1), pair.wireAddress(2), OUR_NETS, PEER_NETS, cipher)) {
        placeholder.initiate();
        setup =
            pair.setup(
                Encapsulation.UDP,
                placeholder.toInitiator(),
                placeholder.fromInitiator(),
                false,
                1);
        placeholder.kill();
      }
      try (Daemon gateway = pair.serve(setup)) {
        allArrive(pair.ours, OUR_V4, gateway, PEER_V4);
        allArrive(pair.ours, OUR_V6, gateway, PEER_V6, "-s", "1200");
        allArrive(pair.peers, PEER_V4, gateway, OUR_V4, "-s", "1201");
        allArrive(pair.peers, PEER_V6, gateway, OUR_V6);
        unharmed(EspPair.tcp(pair.ours, pair.peers, PEER_V4, 20_000_000));
        unharmed(EspPair.tcp(pair.peers, pair.ours, OUR_V6, 20_000_000));
        assertTrue(theirs.isAlive());
      }
    }
  }

  private static Charon charon(EspPair pair, String cipher) {
    return new Charon(
        pair.peers, pair.wireAddress(2), pair.wireAddress(1), PEER_NETS, OUR_NETS, cipher);
  }

  private static void allArrive(
      Namespace from, String source, Daemon gateway, String to, String... options) {
    List<String> all = new ArrayList<>(List.of("-I", source));
    all.addAll(List.of(options));
    Result ping = Pings.send(from, 5, "0.1", to, all.toArray(String[]::new));
    assertTrue(Pings.allAnswered(ping, 5), () -> ping + gateway.output());
  }

  private static void unharmed(List<String> sentAndReceived) {
    assertEquals(sentAndReceived.get(0), sentAndReceived.get(1));
  }
}
