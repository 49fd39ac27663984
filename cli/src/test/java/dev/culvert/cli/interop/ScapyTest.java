// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.interop;

import static dev.culvert.cli.kit.EspPair.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.EspPair;
import dev.culvert.cli.kit.ManualEspGateway.Sa;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Pings;
import dev.culvert.tunnel.port.Encapsulation;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** scapy's ESP at the other end: each end opens the packets that the other seals. */
@Tag("integration")
final class ScapyTest {
  /** Debian's own: scapy comes as a package of it. */
  private static final String PYTHON = "/usr/bin/python3";

  private static final int COUNT = 5;
  private static final Sa TO_US = new Sa(0x1001, "5d".repeat(16) + "01020304");
  private static final Sa TO_THEM = new Sa(0x1002, "c7".repeat(32) + "0a0b0c0d");

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.needs(Files.isExecutable(Path.of(PYTHON)), PYTHON + " is not installed");
    Requirements.needs(
        Commands.attempt(
                Commands.PATIENCE, Map.of(), List.of(PYTHON, "-c", "import scapy.layers.ipsec"))
            .succeeded(),
        "scapy is not installed (python3-scapy, python3-cryptography)");
  }

  /** Numbers of 64 bits pass the end of 32 bits on the way. */
  @ParameterizedTest(name = "{0}, ESN {1}, outer IPv6 {2}, inner IPv6 {3}")
  @CsvSource({
    "UDP, false, false, false",
    "UDP, true,  false, true",
    "UDP, true,  true,  false",
    "RAW, false, false, true",
    "RAW, true,  false, false",
    "RAW, true,  true,  true"
  })
  void eitherEndOpensWhatTheOtherSealed(
      Encapsulation encapsulation, boolean esn, boolean overV6, boolean innerV6) {
    long first = esn ? (1L << 32) - 3 : 1;
    try (EspPair pair = new EspPair(overV6);
        Daemon scapy = scapy(pair, encapsulation, esn, innerV6, first);
        Daemon gateway = pair.serve(pair.setup(encapsulation, TO_US, TO_THEM, esn, first))) {
      var ping =
          Pings.send(pair.ours, COUNT, "0.1", peer(innerV6), "-I", our(innerV6), "-s", "333");
      assertTrue(Pings.allAnswered(ping, COUNT), () -> ping + scapy.output() + gateway.output());
      assertEquals(Integer.toString(COUNT), scapy.awaitLine("answered "));
      assertEquals(
          LongStream.range(first, first + COUNT).boxed().toList(),
          scapy
              .output()
              .lines()
              .filter(line -> line.startsWith("opened "))
              .map(line -> Long.parseLong(line.substring("opened ".length())))
              .toList());
    }
  }

  private static String our(boolean v6) {
    return v6 ? OUR_V6 : OUR_V4;
  }

  private static String peer(boolean v6) {
    return v6 ? PEER_V6 : PEER_V4;
  }

  private static Daemon scapy(
      EspPair pair, Encapsulation encapsulation, boolean esn, boolean innerV6, long first) {
    List<String> command = new ArrayList<>(List.of(PYTHON, script().toString()));
    if (encapsulation == Encapsulation.RAW) {
      command.add("--raw");
    }
    if (esn) {
      command.add("--esn");
    }
    command.addAll(List.of("--count", Integer.toString(COUNT), "--first", Long.toString(first)));
    command.addAll(List.of("--local", pair.wireAddress(2), "--remote", pair.wireAddress(1)));
    command.addAll(List.of("--inner-local", peer(innerV6), "--inner-remote", our(innerV6)));
    command.addAll(List.of("--incoming", argument(TO_THEM), "--outgoing", argument(TO_US)));
    Daemon scapy = pair.peers.start(command.toArray(String[]::new));
    scapy.awaitOutput("listening");
    return scapy;
  }

  private static String argument(Sa sa) {
    return sa.spi() + ":" + sa.key();
  }

  private static Path script() {
    try {
      return Path.of(Objects.requireNonNull(ScapyTest.class.getResource("scapy_esp.py")).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
