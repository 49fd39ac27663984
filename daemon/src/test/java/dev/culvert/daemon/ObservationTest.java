// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.testing.Eventually;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnel;
import dev.culvert.daemon.testing.FakeTunnels;
import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.daemon.testing.LogLines;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.PeerReading;
import dev.culvert.tunnel.engine.PeerState;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Metrics and health over HTTP: only if configured, only for those who may read them, and with the
 * state of the gateway at that moment.
 */
final class ObservationTest {
  private static final String A = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
  private static final String B = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";

  private final FakeNetwork network = new FakeNetwork();
  private final FakeTunnels tunnels = new FakeTunnels();
  private final HttpClient client = HttpClient.newHttpClient();
  private int port;
  private Path file;
  private Machine machine;

  @TempDir private Path directory;

  @BeforeEach
  void prepare() throws IOException {
    file = directory.resolve("gw.yaml");
    machine = FakeMachine.in(directory, tunnels, network);
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
      port = free.getLocalPort();
    }
  }

  /** Starts a gateway with two peers, one of them without a name. */
  private GatewayDaemon start(String... observability) throws Exception {
    write(observability);
    return GatewayDaemon.start(file, machine);
  }

  private void write(String... observability) throws IOException {
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

  private HttpResponse<String> get(String path, String... headers) throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return client.send(request.build(), BodyHandlers.ofString());
  }

  private String scrape() throws Exception {
    HttpResponse<String> response = get("/metrics");
    assertEquals(200, response.statusCode());
    return response.body();
  }

  /** The value of the only series that begins so. */
  private static String value(String scrape, String series) {
    List<String> lines = scrape.lines().filter(line -> line.startsWith(series)).toList();
    assertEquals(1, lines.size(), () -> series + " in " + scrape);
    return lines.getFirst().substring(lines.getFirst().lastIndexOf(' ') + 1);
  }

  private FakeTunnel tunnel() {
    return tunnels.devices().getFirst().tunnel();
  }

  private static PeerReading peer(String name, PeerState state, @Nullable Instant handshake) {
    Endpoint at = Endpoint.of(IpAddress.parse("192.0.2.9"), 51_820);
    return new PeerReading(name, at, state, handshake, 3_208_804_123L, 42);
  }

  private static Path secret(Path file, String text) throws IOException {
    Files.writeString(file, text);
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  @Test
  void thePageShowsThePeersAndForbidsAllThatComesFromElsewhere() throws Exception {
    try (GatewayDaemon daemon = start()) {
      assertFalse(daemon.wasStopped());
      tunnel().peers(List.of(peer(A, PeerState.STALE, null)));
      HttpResponse<String> page = get("/");
      assertEquals(200, page.statusCode());
      assertTrue(page.body().contains("class=\"stale\""), page.body());
      assertTrue(page.body().contains("1 of 1 peers do not answer"), page.body());
      String policy = page.headers().firstValue("Content-Security-Policy").orElse("");
      assertTrue(policy.startsWith("default-src 'none'"), policy);
      assertEquals(200, get("/page.js").statusCode());
      assertEquals(200, get("/page.css").statusCode());
      assertEquals(404, get("/other").statusCode());
    }
  }

  @Test
  void thePageNeedsTheTokenToo() throws Exception {
    Path token = secret(directory.resolve("token"), "s3cret");
    try (GatewayDaemon daemon = start("tokenFile: " + token)) {
      assertFalse(daemon.wasStopped());
      HttpResponse<String> asked = get("/");
      assertEquals(401, asked.statusCode());
      assertFalse(asked.body().contains("10.66.2.0/24"), asked.body());
      HttpResponse<String> page = get("/", "Authorization", "Bearer s3cret");
      assertEquals(200, page.statusCode());
      assertTrue(page.body().contains("Peers"), page.body());
    }
  }

  /** The status of an answer to a request whose header Host is {@code host}. */
  private int statusFor(String host, String path, String... headers) throws IOException {
    try (Socket socket = new Socket(InetAddress.ofLiteral("127.0.0.1"), port)) {
      String lines = Stream.of(headers).map(line -> line + "\r\n").collect(Collectors.joining());
      String request =
          "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n" + lines;
      socket.getOutputStream().write((request + "\r\n").getBytes(UTF_8));
      String answer = new String(socket.getInputStream().readNBytes(12), UTF_8);
      assertTrue(answer.startsWith("HTTP/1.1 "), answer);
      return Integer.parseInt(answer.substring(9, 12));
    }
  }

  @Test
  void aBrowserThatAnotherSitesNameLedHereReadsOnlyTheWordsOfHealth() throws Exception {
    try (GatewayDaemon daemon = start()) {
      for (String path : List.of("/metrics", "/livez?verbose", "/readyz?verbose", "/")) {
        assertEquals(421, statusFor("site.example:" + port, path), path);
        assertEquals(200, statusFor("localhost:" + port, path), path);
        assertEquals(200, statusFor("127.0.0.1:" + port, path), path);
      }
      assertEquals(200, statusFor("site.example", "/livez"));
      assertEquals(200, statusFor("site.example", "/readyz"));
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void aReaderWithTheTokenMayUseAnyName() throws Exception {
    Path token = secret(directory.resolve("token"), "s3cret");
    try (GatewayDaemon daemon = start("tokenFile: " + token)) {
      assertEquals(401, statusFor("site.example", "/metrics"));
      assertEquals(200, statusFor("site.example", "/metrics", "Authorization: Bearer s3cret"));
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void withoutConfigurationNothingListensAndNoThreadRuns() throws Exception {
    GatewayYaml.of("cv0").peers(GatewayYaml.entry("a", "publicKey: " + A)).write(file);
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertFalse(daemon.wasStopped());
      assertThrows(ConnectException.class, () -> get("/metrics"));
      assertEquals(List.of(), httpThreads());
    }
    // The control: with it there are both.
    try (GatewayDaemon daemon = start()) {
      assertFalse(daemon.wasStopped());
      assertFalse(scrape().isEmpty());
      assertFalse(httpThreads().isEmpty());
    }
    assertTrue(Eventually.holds(() -> httpThreads().isEmpty()), "it ends with the gateway");
  }

  private static List<String> httpThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.startsWith("HTTP-Dispatcher"))
        .toList();
  }

  @Test
  void eachReasonForDropsIsThereFromTheStart() throws Exception {
    try (GatewayDaemon daemon = start()) {
      assertFalse(daemon.wasStopped());
      String scrape = scrape();
      for (DropReason reason : DropReason.values()) {
        String series =
            "culvert_drops_total{direction=\"%s\",interface=\"cv0\",reason=\"%s\"}"
                .formatted(reason.direction().label(), reason.label());
        assertEquals(reason == DropReason.BAD_TAG ? "3.0" : "0.0", value(scrape, series));
      }
    }
  }

  @Test
  void peersHaveTheSeriesOfTheWireGuardExporter() throws Exception {
    try (GatewayDaemon daemon = start()) {
      Instant shaken = Instant.now().minusSeconds(100);
      tunnel()
          .peers(List.of(peer(A, PeerState.ESTABLISHED, shaken), peer(B, PeerState.NEVER, null)));
      String scrape = scrape();
      String a =
          "{allowed_ips=\"10.66.1.9/32,10.66.2.0/24\",friendly_name=\"a\",interface=\"cv0\","
              + "public_key=\""
              + A
              + "\"}";
      String b = "{allowed_ips=\"10.66.3.0/24\",interface=\"cv0\",public_key=\"" + B + "\"}";
      assertEquals("3.208804123E9", value(scrape, "wireguard_sent_bytes_total" + a));
      assertEquals("42.0", value(scrape, "wireguard_received_bytes_total" + a));
      assertEquals(
          (double) shaken.getEpochSecond(),
          Double.parseDouble(value(scrape, "wireguard_latest_handshake_seconds" + a)));
      assertEquals(
          100,
          Double.parseDouble(value(scrape, "wireguard_latest_handshake_delay_seconds" + a)),
          20);
      assertEquals("0.0", value(scrape, "wireguard_latest_handshake_seconds" + b));
      assertEquals("1.0", value(scrape, "culvert_peers{interface=\"cv0\",state=\"established\"}"));
      assertEquals("1.0", value(scrape, "culvert_peers{interface=\"cv0\",state=\"never\"}"));
      assertEquals("0.0", value(scrape, "culvert_peers{interface=\"cv0\",state=\"stale\"}"));
      tunnel().peers(List.of(peer(A, PeerState.STALE, shaken)));
      String without = scrape();
      assertFalse(without.contains(B), "a peer that is gone has no series");
      assertEquals("1.0", value(without, "culvert_peers{interface=\"cv0\",state=\"stale\"}"));
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void manyPeersAreCountedButNotShownEach() throws Exception {
    try (GatewayDaemon daemon = start()) {
      List<PeerReading> many = new ArrayList<>();
      for (int i = 0; i < 257; i++) {
        many.add(peer("peer" + i, PeerState.IDLE, Instant.now()));
      }
      tunnel().peers(many.subList(0, 256));
      String each = scrape();
      assertEquals(256, lines(each, "wireguard_sent_bytes_total{"));
      assertEquals("0.0", value(each, "culvert_peers_truncated"));
      tunnel().peers(many);
      String sums = scrape();
      assertEquals(0, lines(sums, "wireguard_"));
      assertEquals("1.0", value(sums, "culvert_peers_truncated"));
      assertEquals("257.0", value(sums, "culvert_peers{interface=\"cv0\",state=\"idle\"}"));
      assertTrue(lines(sums, "culvert_") + lines(sums, "jvm_") + lines(sums, "process_") <= 300);
      write("perPeer: 'on'");
      daemon.reload();
      assertEquals(257, lines(scrape(), "wireguard_sent_bytes_total{"));
    }
  }

  private static long lines(String scrape, String beginning) {
    return scrape.lines().filter(line -> line.startsWith(beginning)).count();
  }

  @Test
  void inAClusterTheLabelHasTheNodesRangeAndNoSinglePods() throws Exception {
    GatewayYaml.of("cv0")
        .with("node: n1", "observability: {listen: '127.0.0.1:" + port + "'}")
        .with("identity: {privateKeyFile: " + directory.resolve("private.key") + "}")
        .nodes(
            GatewayYaml.entry("n1", "internal: [192.0.2.1]"),
            GatewayYaml.entry(
                "n2",
                "publicKey: " + A,
                "internal: [192.0.2.2]",
                "podCIDRs: [10.66.2.0/24, 10.66.9.7/32]"),
            GatewayYaml.entry(
                "n3", "publicKey: " + B, "internal: [192.0.2.3]", "podCIDRs: [10.66.9.8/32]"))
        .write(file);
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      tunnel()
          .peers(List.of(peer(A, PeerState.IDLE, Instant.now()), peer(B, PeerState.NEVER, null)));
      String scrape = scrape();
      assertEquals(
          "42.0",
          value(
              scrape,
              "wireguard_received_bytes_total{allowed_ips=\"10.66.2.0/24\",friendly_name=\"n2\""));
      assertEquals(
          "42.0",
          value(
              scrape,
              "wireguard_received_bytes_total{allowed_ips=\"192.0.2.3/32\",friendly_name=\"n3\""));
      assertEquals(
          "3.0", value(scrape, "culvert_cluster_nodes{interface=\"cv0\",source=\"static\"}"));
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void theGuardIsCheckedAndItsPacketsAreAudited() throws Exception {
    network.count("unknown_out", 2);
    network.count("exempt_api_server_request_out", 5);
    try (GatewayDaemon daemon = start()) {
      String scrape = scrape();
      assertEquals(
          "1.0", value(scrape, "culvert_guard_present{family=\"ipv4\",interface=\"cv0\"}"));
      assertEquals(
          "0.0", value(scrape, "culvert_clear_seen_total{interface=\"cv0\",where=\"egress\"}"));
      assertEquals(
          "2.0",
          value(
              scrape,
              "culvert_audit_packets_total{interface=\"cv0\",outcome=\"dropped\",traffic=\"unclassified\""));
      assertEquals(
          "10.0",
          value(
              scrape,
              "culvert_audit_packets_total{interface=\"cv0\",outcome=\"encrypted\",traffic=\"unclassified\""));
      assertEquals(200, get("/readyz").statusCode());
      assertEquals(200, get("/startupz").statusCode());
      network.flushGuard();
      assertTrue(Eventually.holds(() -> status("/readyz") == 503), "nft is asked again");
      assertEquals("not ok\n", get("/readyz").body());
      assertTrue(get("/readyz?verbose").body().contains("[-] guard"));
      String without = scrape();
      assertEquals(
          "0.0", value(without, "culvert_guard_present{family=\"ipv6\",interface=\"cv0\"}"));
      assertEquals("0.0", value(without, "culvert_ready"));
      assertEquals("1.0", value(without, "culvert_live"));
      assertEquals(200, get("/startupz").statusCode(), "it has started");
      assertEquals(200, get("/livez").statusCode());
      assertFalse(daemon.wasStopped());
    }
  }

  private int status(String path) {
    try {
      return get(path).statusCode();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aLaneThatIsStuckMakesTheProgramNotLive() throws Exception {
    try (GatewayDaemon daemon = start()) {
      assertEquals(200, get("/livez").statusCode());
      tunnel().stuckFor(Duration.ofSeconds(3));
      // Not at once, since requests shortly after each other share an answer.
      assertTrue(Eventually.holds(() -> status("/livez") == 503));
      assertTrue(get("/livez?verbose").body().contains("[-] lane-0"));
      String scrape = scrape();
      assertEquals("0.0", value(scrape, "culvert_live"));
      assertEquals(
          "3.0", value(scrape, "culvert_lane_tick_age_seconds{interface=\"cv0\",lane=\"0\"}"));
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void aScrapeShowsNoKeyMaterial() throws Exception {
    try (GatewayDaemon daemon = start()) {
      String key = Files.readString(directory.resolve("private.key")).strip();
      String scrape = scrape();
      assertEquals(44, key.length());
      assertFalse(scrape.contains(key));
      assertEquals(
          List.of(),
          Pattern.compile("[A-Za-z0-9+/]{43}=")
              .matcher(scrape)
              .results()
              .map(match -> match.group())
              .filter(text -> !text.equals(A) && !text.equals(B))
              .toList());
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void aReloadThatIsRefusedShowsAndTheEndpointFollowsTheConfiguration() throws Exception {
    try (GatewayDaemon daemon = start()) {
      assertEquals("1.0", value(scrape(), "culvert_config_last_reload_successful"));
      String good = Files.readString(file);
      Files.writeString(file, "nonsense: 1");
      assertThrows(ConfigException.class, daemon::reload);
      assertEquals("0.0", value(scrape(), "culvert_config_last_reload_successful"));
      Files.writeString(file, good.replaceAll("(?m)^ *observability:.*\n", ""));
      daemon.reload();
      assertThrows(ConnectException.class, () -> get("/metrics"));
      Files.writeString(file, good);
      daemon.reload();
      assertEquals("1.0", value(scrape(), "culvert_config_last_reload_successful"));
    }
  }

  @Test
  void anAddressInUseDoesNotKeepPacketsFromMoving() throws Exception {
    try (LogLines log = LogLines.of(Observation.class)) {
      ServerSocket other = new ServerSocket(port, 1, InetAddress.ofLiteral("127.0.0.1"));
      try (GatewayDaemon daemon = start()) {
        assertTrue(daemon.failure().isEmpty());
        assertTrue(log.text().contains("cannot listen on 127.0.0.1:" + port), log::text);
        other.close();
        daemon.reload();
        assertFalse(scrape().isEmpty());
      } finally {
        other.close();
      }
    }
  }

  @Test
  void onlyTheBearerOfTheTokenReadsMetricsAndANewTokenCountsAtOnce() throws Exception {
    Path token = secret(directory.resolve("token"), "first-token\n");
    try (GatewayDaemon daemon = start("tokenFile: token")) {
      assertEquals(401, get("/metrics").statusCode());
      assertEquals(401, get("/metrics", "Authorization", "Bearer first-tokeN").statusCode());
      assertEquals(401, get("/metrics", "Authorization", "Bearer first-token2").statusCode());
      assertEquals(200, get("/metrics", "Authorization", "Bearer first-token").statusCode());
      assertEquals("ok\n", get("/livez?verbose").body(), "a probe has no token");
      secret(token, "second-token");
      assertEquals(401, get("/metrics", "Authorization", "Bearer first-token").statusCode());
      assertEquals(200, get("/metrics", "Authorization", "Bearer second-token").statusCode());
      Files.setPosixFilePermissions(token, PosixFilePermissions.fromString("rw-r--r--"));
      assertEquals(401, get("/metrics", "Authorization", "Bearer second-token").statusCode());
      secret(token, "");
      assertEquals(401, get("/metrics", "Authorization", "Bearer ").statusCode());
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void textAndOpenMetricsAreGivenAndCompressedIfAsked() throws Exception {
    try (GatewayDaemon daemon = start()) {
      HttpResponse<String> open =
          get("/metrics", "Accept", "application/openmetrics-text; version=1.0.0");
      assertTrue(
          open.headers()
              .firstValue("Content-Type")
              .orElse("")
              .startsWith("application/openmetrics"));
      assertTrue(open.body().endsWith("# EOF\n"));
      HttpResponse<byte[]> compressed =
          client.send(
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/metrics"))
                  .header("Accept-Encoding", "gzip")
                  .build(),
              BodyHandlers.ofByteArray());
      assertEquals("gzip", compressed.headers().firstValue("Content-Encoding").orElse(""));
      try (GZIPInputStream plain =
          new GZIPInputStream(new ByteArrayInputStream(compressed.body()))) {
        assertTrue(new String(plain.readAllBytes(), UTF_8).contains("culvert_ready"));
      }
      HttpRequest post =
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/metrics"))
              .POST(HttpRequest.BodyPublishers.ofString("x"))
              .build();
      assertEquals(405, client.send(post, BodyHandlers.ofString()).statusCode());
      assertEquals(404, get("/nothing").statusCode());
      assertFalse(daemon.wasStopped());
    }
  }

  /** Makes a key pair with its own certificate, and the files of the endpoint from it. */
  private KeyStore certificate(String name) throws Exception {
    Path store = directory.resolve(name + ".p12");
    Path keytool = Path.of(System.getProperty("java.home"), "bin", "keytool");
    Process made =
        new ProcessBuilder(
                keytool.toString(),
                "-genkeypair",
                "-alias",
                "own",
                "-keyalg",
                "EC",
                "-storetype",
                "PKCS12",
                "-keystore",
                store.toString(),
                "-storepass",
                "secret",
                "-dname",
                "CN=" + name,
                "-ext",
                "san=ip:127.0.0.1",
                "-validity",
                "30")
            .inheritIO()
            .start();
    assertEquals(0, made.waitFor());
    KeyStore keys = KeyStore.getInstance(store.toFile(), "secret".toCharArray());
    Base64.Encoder pem = Base64.getMimeEncoder();
    Files.writeString(
        directory.resolve(name + ".crt"),
        "-----BEGIN CERTIFICATE-----\n"
            + pem.encodeToString(keys.getCertificate("own").getEncoded())
            + "\n-----END CERTIFICATE-----\n");
    secret(
        directory.resolve(name + ".key"),
        "-----BEGIN PRIVATE KEY-----\n"
            + pem.encodeToString(keys.getKey("own", "secret".toCharArray()).getEncoded())
            + "\n-----END PRIVATE KEY-----\n");
    return keys;
  }

  private String scrapeWithTls(KeyStore server, @Nullable KeyStore own) throws Exception {
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("server", server.getCertificate("own"));
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    if (own != null) {
      keys.init(own, "secret".toCharArray());
    }
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(own == null ? null : keys.getKeyManagers(), trust.getTrustManagers(), null);
    try (HttpClient secured = HttpClient.newBuilder().sslContext(context).build()) {
      return secured
          .send(
              HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + port + "/metrics")).build(),
              BodyHandlers.ofString())
          .body();
    }
  }

  @Test
  void withTlsOnlyReadersWithACertificateAreServedAndANewCertificateIsTakenIn() throws Exception {
    KeyStore server = certificate("server");
    KeyStore reader = certificate("reader");
    KeyStore stranger = certificate("stranger");
    try (GatewayDaemon daemon =
        start("tls: {cert: server.crt, key: server.key, clientCa: reader.crt}")) {
      assertTrue(
          scrapeWithTls(server, reader)
              .contains("culvert_certificate_expiry_timestamp_seconds{use=\"observability\"}"));
      assertThrows(IOException.class, () -> scrapeWithTls(server, null));
      assertThrows(IOException.class, () -> scrapeWithTls(server, stranger));
      KeyStore next = certificate("next");
      Files.copy(directory.resolve("next.key"), directory.resolve("server.key"), REPLACE_EXISTING);
      Files.copy(directory.resolve("next.crt"), directory.resolve("server.crt"), REPLACE_EXISTING);
      assertTrue(Eventually.holds(() -> isServed(next, reader)));
      assertFalse(daemon.wasStopped());
    }
  }

  private boolean isServed(KeyStore server, KeyStore reader) {
    try {
      return scrapeWithTls(server, reader).contains("culvert_ready");
    } catch (Exception e) {
      return false;
    }
  }
}
