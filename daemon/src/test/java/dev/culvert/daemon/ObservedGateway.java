// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnel;
import dev.culvert.daemon.testing.FakeTunnels;
import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.PeerReading;
import dev.culvert.tunnel.engine.PeerState;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A gateway of two peers with metrics over HTTP, for the tests of both. */
abstract class ObservedGateway {
  static final String A = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
  static final String B = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";

  final FakeNetwork network = new FakeNetwork();
  private final FakeTunnels tunnels = new FakeTunnels();
  final HttpClient client = HttpClient.newHttpClient();
  int port;
  Path file;
  Machine machine;

  @TempDir Path directory;

  @BeforeEach
  void prepare() throws IOException {
    file = directory.resolve("gw.yaml");
    machine = FakeMachine.in(directory, tunnels, network);
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
      port = free.getLocalPort();
    }
  }

  /** Starts a gateway with two peers, one of them without a name. */
  GatewayDaemon start(String... observability) throws Exception {
    write(observability);
    return GatewayDaemon.start(file, machine);
  }

  void write(String... observability) throws IOException {
    GatewayYaml yaml = GatewayYaml.of("cv0", "addresses: [10.66.0.1/24]", "listenPort: 51820");
    yaml.with("identity: {privateKeyFile: " + directory.resolve("private.key") + "}");
    yaml.with(
        "observability: {listen: '127.0.0.1:"
            + port
            + "'"
            + Stream.of(observability).map(o -> ", " + o).collect(Collectors.joining())
            + "}");
    yaml.peers(
            GatewayYaml.entry("a", "publicKey: " + A, "allowedIps: [10.66.2.0/24, 10.66.1.9/32]"),
            "{publicKey: " + B + ", allowedIps: [10.66.3.0/24]}")
        .write(file);
  }

  HttpResponse<String> get(String path, String... headers) throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return client.send(request.build(), BodyHandlers.ofString());
  }

  String scrape() throws Exception {
    HttpResponse<String> response = get("/metrics");
    assertEquals(200, response.statusCode());
    return response.body();
  }

  /** The value of the only series that begins so. */
  static String value(String scrape, String series) {
    List<String> lines = scrape.lines().filter(line -> line.startsWith(series)).toList();
    assertEquals(1, lines.size(), () -> series + " in " + scrape);
    return lines.getFirst().substring(lines.getFirst().lastIndexOf(' ') + 1);
  }

  FakeTunnel tunnel() {
    return tunnels.devices().getFirst().tunnel();
  }

  static PeerReading peer(String name, PeerState state, @Nullable Instant handshake) {
    Endpoint at = Endpoint.of(IpAddress.parse("192.0.2.9"), 51_820);
    return new PeerReading(name, at, state, handshake, 3_208_804_123L, 42);
  }

  static Path secret(Path file, String text) throws IOException {
    Files.writeString(file, text);
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  int status(String path) {
    try {
      return get(path).statusCode();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
