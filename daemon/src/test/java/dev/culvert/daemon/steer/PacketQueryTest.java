// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.plan.Explanation.Query;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A packet to ask about is read as addresses, ports and protocol, with TCP if only a port is given,
 * and malformed text is refused.
 */
final class PacketQueryTest {
  private static final int NONE = Classifier.NO_PORT;

  private static Query query(String from, String to, int protocol, int fromPort, int toPort) {
    return new Query(IpAddress.parse(from), IpAddress.parse(to), protocol, fromPort, toPort);
  }

  @Test
  void aPortWithoutAProtocolIsOfTcp() throws IOException {
    assertEquals(
        query("10.1.0.1", "10.1.0.2", 6, NONE, 80),
        PacketQuery.parse(List.of("10.1.0.1", "10.1.0.2:80")));
    assertEquals(
        query("fd00::1", "fd00::2", 17, 7, 53),
        PacketQuery.parse(List.of("[fd00::1]:7", "[fd00::2]:53/udp")));
    assertEquals(
        query("fd00::1", "fd00::2", 0, NONE, NONE),
        PacketQuery.parse(List.of("fd00::1", "fd00::2")));
    assertEquals(
        query("10.1.0.1", "10.1.0.2", 1, NONE, NONE),
        PacketQuery.parse(List.of("10.1.0.1", "10.1.0.2/icmp")));
  }

  @ParameterizedTest
  @CsvSource({
    "10.1.0.1, node-b",
    "10.1.0.1, 10.1.0.2:0",
    "10.1.0.1, 10.1.0.2:65536",
    "10.1.0.1, 10.1.0.2/any",
    "10.1.0.1, 10.1.0.2/256",
    "10.1.0.1, fd00::1",
    "10.1.0, 10.1.0.2",
  })
  void whatIsNoPacketIsRefused(String source, String destination) {
    assertThrows(IOException.class, () -> PacketQuery.parse(List.of(source, destination)));
  }
}
