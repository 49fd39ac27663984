// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.testing.Eventually;
import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.daemon.testing.LogLines;
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
import org.junit.jupiter.api.Test;

/**
 * Metrics and health over HTTP: only if configured, only for those who may read them, and with the
 * state of the gateway at that moment.
 */
final class ObservationTest extends ObservedGateway {
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

  /**
   * Its request fails, and then its end is noticed; one of another PID namespace has no id here.
   */
  @Test
  void aSuccessorThatFailsCountsOnce() throws Exception {
    try (GatewayDaemon daemon = start()) {
      for (long successor : new long[] {7, 7, 8, 0, 0}) {
        daemon.observation().handoverFailed(successor);
      }
      String metrics = get("/metrics").body();
      assertTrue(
          metrics.contains("culvert_handover_total{interface=\"cv0\",result=\"failed\"} 4.0\n"),
          metrics);
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
  void anAddressThatBecomesFreeIsTakenWithoutAReload() throws Exception {
    ServerSocket other = new ServerSocket(port, 1, InetAddress.ofLiteral("127.0.0.1"));
    try (GatewayDaemon daemon = start()) {
      other.close();
      assertTrue(Eventually.holds(() -> isAnswered("/metrics")));
      assertTrue(daemon.failure().isEmpty());
    } finally {
      other.close();
    }
  }

  private boolean isAnswered(String path) {
    try {
      return get(path).statusCode() == 200;
    } catch (ConnectException e) {
      return false;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** Readers would miss the endpoint in between. */
  @Test
  void aReloadThatMovesTheLineLeavesTheEndpointOpen() throws Exception {
    try (LogLines log = LogLines.of(Observation.class);
        GatewayDaemon daemon = start()) {
      Files.writeString(file, "# moves all lines\n" + Files.readString(file));
      daemon.reload();
      write("perPeer: off");
      daemon.reload();
      assertEquals(2, log.text().split("metrics are at", -1).length - 1, log::text);
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
