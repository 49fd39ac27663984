// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.interop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Implementation;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.WgNode;
import dev.culvert.cli.kit.WgPair;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Pings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A third party, Wireshark, reads our packets: with our keys all of them, without them nothing. */
@Tag("integration")
final class DecryptionTest {
  private static final String ECHO_REQUEST_DATA = "00112233445566778899aabbccddeeff";

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
    Requirements.tool("tshark");
    Requirements.tool("wireguard-go");
  }

  @Test
  void wiresharkDecryptsWhatWeSentWithOurKeysAndOnlyWithThem() throws IOException {
    Path keys = WgNode.secretFile("");
    Path file = WgNode.secretFile("");
    try (WgPair pair =
        new WgPair(KeyLoggingGateway.implementation(keys), Implementation.packaged(), false)) {
      String privateKey = Files.readString(pair.ours.privateKey()).strip();
      Files.writeString(
          keys,
          "LOCAL_STATIC_PRIVATE_KEY=%s%nREMOTE_STATIC_PUBLIC_KEY=%s%n"
              .formatted(privateKey, pair.peers.publicKey));
      pair.introduceEachOther();
      try (Daemon capture = Capture.toFile(pair.ours.namespace, WgPair.WIRE_DEVICE, "udp", file)) {
        var ping =
            Pings.send(pair.ours.namespace, 5, "0.1", WgPair.PEER_V4, "-p", ECHO_REQUEST_DATA);
        assertTrue(Pings.allAnswered(ping, 5), ping::toString);
        Capture.stop(capture);
      }
      List<String> seen = echoes(pair, file, "-o", "wg.keylog_file:" + keys);
      assertEquals(10, seen.size(), "five requests, five replies");
      assertTrue(seen.stream().allMatch(data -> data.contains(ECHO_REQUEST_DATA)), seen::toString);
      assertEquals(List.of(), echoes(pair, file));
    }
  }

  /** The data of the first five pings and their answers, if tshark finds them in a capture. */
  private static List<String> echoes(WgPair pair, Path capture, String... options) {
    List<String> command =
        new ArrayList<>(List.of("tshark", "-r", capture.toString(), "-Y", "icmp.seq <= 5"));
    command.addAll(List.of("-T", "fields", "-e", "data.data"));
    command.addAll(List.of(options));
    return pair.ours.namespace.run(command.toArray(String[]::new)).out().lines().toList();
  }
}
