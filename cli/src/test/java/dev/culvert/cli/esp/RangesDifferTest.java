// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.esp;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Culvert;
import dev.culvert.cli.kit.EspPair;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.UpPair;
import dev.culvert.cli.kit.UpPair.Keys;
import dev.culvert.lab.net.Commands;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Nodes that are configured for different traffic say so, in words that name the difference. */
@Tag("integration")
final class RangesDifferTest {
  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  @Test
  void bothEndsNameWhatOnlyOneOfThemHas() {
    try (EspPair pair = new EspPair(false);
        UpPair gateways =
            new UpPair(
                pair,
                Keys.GLOBAL,
                List.of(),
                text -> text.replace("podCIDRs: [", "podCIDRs: [10.77.0.0/16, "))) {
      gateways.ours.awaitOutput(
          "no keys with other: our podCIDRs and its allowedIps differ: only here"
              + " [10.77.0.0/16], only there []");
      gateways
          .peers()
          .awaitOutput(
              "no keys with other: our allowedIps and its podCIDRs differ: only here [], only there"
                  + " [10.77.0.0/16]");
      String difference = "our podCIDRs and its allowedIps differ: only here [10.77.0.0/16]";
      String sas = ours(pair, "sas");
      assertTrue(sas.contains("other has no keys with us: " + difference), sas);
      assertTrue(ours(pair, "sas", "-o", "json").contains(difference));
      String status = ours(pair, "status");
      assertTrue(status.contains("warning"), status);
      assertTrue(status.contains(difference), status);
      assertTrue(status.contains(" bad_handshake"), status);
      assertFalse(EspPair.ping(pair.ours, EspPair.OUR_V4, EspPair.PEER_V4).succeeded());
    }
  }

  private static String ours(EspPair pair, String command, String... more) {
    String[] words = new String[2 + more.length];
    words[0] = command;
    words[1] = pair.device;
    System.arraycopy(more, 0, words, 2, more.length);
    return pair.ours.attempt(Commands.PATIENCE, Map.of(), Culvert.command(words)).orThrow().out();
  }
}
