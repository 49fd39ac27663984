// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.config.ConfigException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** A pod that lifts the guard is ready when that is done, and not before. */
final class LiftProbesTest {
  private static final String OPTION = "--metrics-listen";

  private static ServerSocket socket() throws IOException {
    return new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"));
  }

  private static String at(int port) {
    return "127.0.0.1:" + port;
  }

  private static String ask(HttpClient client, int port, String path)
      throws IOException, InterruptedException {
    URI uri = URI.create("http://" + at(port) + path);
    var answer = client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
    return answer.statusCode() + " " + answer.body();
  }

  @Test
  void itLivesAtOnceAndIsReadyWhenTheGuardIsLifted() throws Exception {
    int port;
    try (ServerSocket free = socket()) {
      port = free.getLocalPort();
    }
    try (HttpClient client = HttpClient.newHttpClient()) {
      try (LiftProbes probes = new LiftProbes(OPTION, at(port))) {
        assertEquals("200 ok\n", ask(client, port, "/livez"));
        assertEquals("200 ok\n", ask(client, port, "/startupz"));
        assertEquals("503 not ok\n", ask(client, port, "/readyz"));
        probes.lifted(Duration.ZERO);
        assertEquals("200 ok\n", ask(client, port, "/readyz"));
      }
      assertThrows(ConnectException.class, () -> ask(client, port, "/livez"));
    }
  }

  @Test
  void anAddressThatTheGatewayStillHasIsTakenWhenTheGatewayHasEnded() throws Exception {
    ServerSocket gateway = socket();
    int port = gateway.getLocalPort();
    try (HttpClient client = HttpClient.newHttpClient();
        LiftProbes probes = new LiftProbes(OPTION, at(port))) {
      IOException kept;
      try (gateway) {
        kept = assertThrows(IOException.class, () -> probes.lifted(Duration.ofMillis(60)));
      }
      assertTrue(
          String.valueOf(kept.getMessage()).startsWith("the guard is lifted, but probes get no"),
          kept::getMessage);
      probes.lifted(Duration.ofSeconds(10));
      assertEquals("200 ok\n", ask(client, port, "/readyz"));
    }
  }

  @Test
  void aBadAddressIsRefusedWithTheNameOfTheOption() {
    ConfigException refused =
        assertThrows(ConfigException.class, () -> new LiftProbes(OPTION, "localhost:1"));
    assertEquals(
        "--metrics-listen: 'localhost' is not an address (as in 192.0.2.1)", refused.getMessage());
  }
}
