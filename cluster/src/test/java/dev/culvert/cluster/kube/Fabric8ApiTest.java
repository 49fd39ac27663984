// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.kube;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import dev.culvert.cluster.fake.FakeApiServer;
import dev.culvert.cluster.fake.Samples;
import dev.culvert.cluster.kube.KubeApi.Change;
import dev.culvert.cluster.kube.KubeApi.ListQuery;
import dev.culvert.cluster.kube.KubeApi.Page;
import dev.culvert.cluster.kube.KubeApi.WatchStream;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.Namespace;
import dev.culvert.cluster.resource.ResourceKind;
import io.fabric8.kubernetes.client.Config;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The contract of the API's client, against a fake server. */
class Fabric8ApiTest {
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final ResourceKind<CulvertNode> NODES = ResourceKind.CULVERT_NODES;

  private final FakeApiServer server = new FakeApiServer();
  private final Fabric8Api api = new Fabric8Api(ApiAccess.anonymous(List.of(server.uri())));

  @AfterEach
  void close() {
    api.close();
    server.close();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static ListQuery first(int limit) {
    return new ListQuery(null, limit, null, null);
  }

  private void nodes(int count) {
    IntStream.range(0, count).forEach(i -> server.put(NODES, "node-" + i, Samples.node(i)));
  }

  @Test
  void listsInPagesOfOneVersion() throws Exception {
    nodes(25);
    List<CulvertNode> all = new ArrayList<>();
    Page<CulvertNode> page = api.list(NODES, first(10));
    String version = page.resourceVersion();
    all.addAll(page.items());
    server.put(NODES, "node-99", Samples.node(99));
    while (page.next() != null) {
      page = api.list(NODES, new ListQuery(null, 10, page.next(), null));
      assertEquals(version, page.resourceVersion());
      all.addAll(page.items());
    }
    assertEquals(25, all.size());
    CulvertNode node = all.getFirst();
    assertEquals("node-0", node.metadata().name());
    assertEquals(Samples.key("node-0"), node.spec().publicKey());
    CulvertNode.Status status = Objects.requireNonNull(node.status());
    assertEquals(List.of("10.0.0.0/24"), status.ranges());
    assertEquals(CulvertNode.Phase.ACCEPTED, status.phase());
  }

  @Test
  void readsAnEmptyList() throws Exception {
    Page<CulvertNode> page = api.list(NODES, first(10));
    assertTrue(page.items().isEmpty());
    assertNull(page.next());
  }

  @Test
  void watchesChangesDeletionsAndBookmarks() throws Exception {
    nodes(1);
    String version = api.list(NODES, first(10)).resourceVersion();
    try (WatchStream<CulvertNode> watch = api.watch(NODES, null, version, Duration.ofMinutes(5))) {
      server.put(NODES, "node-1", Samples.node(1));
      server.delete(NODES, "node-0");
      server.put(ResourceKind.NAMESPACES, "other", new Namespace(Samples.metadata("other", 1)));
      List<String> seen = new ArrayList<>();
      Change<CulvertNode> change;
      do {
        change = Objects.requireNonNull(watch.next(PATIENCE));
        if (change.object() != null) {
          seen.add(change.type() + " " + change.object().metadata().name());
        }
      } while (change.object() != null || seen.size() < 2);
      assertEquals(List.of("ADDED node-1", "DELETED node-0"), seen);
      assertEquals(Change.Type.BOOKMARK, change.type());
      server.cutWatches();
      while (change != null) {
        change = watch.next(PATIENCE);
      }
    }
  }

  @Test
  void saysInAWatchThatItsHistoryIsGone() throws Exception {
    nodes(3);
    server.edit(dev.culvert.cluster.fake.FakeStore::compact);
    try (WatchStream<CulvertNode> watch = api.watch(NODES, null, "2", Duration.ofMinutes(5))) {
      KubeException gone = assertThrows(KubeException.class, () -> watch.next(PATIENCE));
      assertEquals(KubeException.GONE, gone.code());
    }
  }

  @Test
  void givesASilentWatchUp() throws Exception {
    server.silent(true);
    try (WatchStream<CulvertNode> watch = api.watch(NODES, null, "2", Duration.ofMinutes(5))) {
      KubeException silence =
          assertThrows(KubeException.class, () -> watch.next(Duration.ofMillis(50)));
      assertEquals(KubeException.SILENCE, silence.code());
    }
    server.silent(false);
    nodes(1);
    assertEquals(1, api.list(NODES, first(10)).items().size());
  }

  @Test
  void givesAWatchUpThatGetsAByteNowAndThenAndNoLine() throws Exception {
    server.dripping(true);
    try (WatchStream<CulvertNode> watch = api.watch(NODES, null, "2", Duration.ofMinutes(5))) {
      KubeException silence =
          assertThrows(KubeException.class, () -> watch.next(Duration.ofMillis(500)));
      assertEquals(KubeException.SILENCE, silence.code());
    }
  }

  @Test
  void saysThatTheServerIsBehind() {
    ListQuery ahead = new ListQuery(null, 1, null, "1000000");
    KubeException behind = assertThrows(KubeException.class, () -> api.list(NODES, ahead));
    assertEquals(KubeException.TOO_LARGE_VERSION, behind.code());
  }

  @Test
  void givesTheServersMessageAndTheWaitThatItAsksFor() {
    server.refuse(429, "storage is (re)initializing", 7);
    KubeException busy = assertThrows(KubeException.class, () -> api.get(NODES, "node-0"));
    assertEquals(429, busy.code());
    assertEquals(Duration.ofSeconds(7), busy.retryAfter());
    assertEquals(NODES.path() + "/node-0: 429 storage is (re)initializing", busy.getMessage());
    assertEquals(1, server.requests().size(), "nothing is repeated here");
    KubeException packed = assertThrows(KubeException.class, () -> api.list(NODES, first(10)));
    assertEquals(NODES.path() + ": 429 storage is (re)initializing", packed.getMessage());
  }

  @Test
  void createsAndPatches() throws Exception {
    CulvertNode node = Samples.node(4);
    CulvertNode made = api.create(NODES, KubeJson.MAPPER.writeValueAsBytes(node));
    assertEquals("node-4", made.metadata().name());
    KubeException again =
        assertThrows(
            KubeException.class, () -> api.create(NODES, KubeJson.MAPPER.writeValueAsBytes(node)));
    assertEquals(KubeException.CONFLICT, again.code());
    String patch = "{\"status\":{\"phase\":\"Rejected\"}}";
    CulvertNode rejected = api.patch(NODES, "node-4", "status", bytes(patch));
    assertEquals(CulvertNode.Phase.REJECTED, Objects.requireNonNull(rejected.status()).phase());
    assertEquals(node.spec(), rejected.spec());
  }

  @Test
  void replacesAndDeletesOnlyTheObjectThatIsMeant() throws Exception {
    nodes(1);
    CulvertNode read = api.get(NODES, "node-0");
    CulvertNode replaced = api.replace(NODES, "node-0", KubeJson.MAPPER.writeValueAsBytes(read));
    assertEquals(read.spec(), replaced.spec());
    KubeException changed =
        assertThrows(
            KubeException.class,
            () -> api.replace(NODES, "node-0", KubeJson.MAPPER.writeValueAsBytes(read)));
    assertEquals(KubeException.CONFLICT, changed.code());
    KubeException another =
        assertThrows(KubeException.class, () -> api.delete(NODES, "node-0", "another-uid"));
    assertEquals(KubeException.CONFLICT, another.code());
    api.delete(NODES, "node-0", read.metadata().uid());
    KubeException gone = assertThrows(KubeException.class, () -> api.get(NODES, "node-0"));
    assertEquals(KubeException.NOT_FOUND, gone.code());
  }

  @Test
  void goesToTheNextServerIfOneDoesNotAnswer() throws Exception {
    URI dead;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      dead = URI.create("http://127.0.0.1:" + socket.getLocalPort());
    }
    nodes(2);
    try (Fabric8Api two = new Fabric8Api(ApiAccess.anonymous(List.of(dead, server.uri())))) {
      assertEquals(2, two.list(NODES, first(10)).items().size());
      byte[] json = KubeJson.MAPPER.writeValueAsBytes(Samples.node(7));
      assertEquals("node-7", two.create(NODES, json).metadata().name());
    }
  }

  @Test
  void saysThatNoServerAnswers() {
    server.close();
    KubeException none = assertThrows(KubeException.class, () -> api.list(NODES, first(10)));
    assertEquals(KubeException.NO_ANSWER, none.code());
    String message = String.valueOf(none.getMessage());
    assertTrue(message.startsWith(server.uri() + ": "), message);
  }

  /** A server on loopback that is no API server. */
  private static HttpServer answering(HttpHandler handler) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", handler);
    server.start();
    return server;
  }

  private static URI uri(HttpServer server) {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  private static void answer(HttpExchange exchange, int code, String text) throws IOException {
    byte[] body = bytes(text);
    exchange.sendResponseHeaders(code, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  /** Such a server answers with text, and one that lacks an object with a Status. */
  @Test
  void tellsAKindThatTheServerDoesNotHaveFromAnObject() throws Exception {
    HttpServer bare = answering(exchange -> answer(exchange, 404, "404 page not found\n"));
    try (Fabric8Api without = new Fabric8Api(ApiAccess.anonymous(List.of(uri(bare))))) {
      KubeException kind = assertThrows(KubeException.class, () -> without.list(NODES, first(10)));
      assertEquals(KubeException.NOT_FOUND, kind.code());
      String message = String.valueOf(kind.getMessage());
      assertTrue(message.endsWith("apply crds.yaml"), message);
    } finally {
      bare.stop(0);
    }
    KubeException object = assertThrows(KubeException.class, () -> api.get(NODES, "node-0"));
    assertFalse(String.valueOf(object.getMessage()).contains("crds.yaml"), object::toString);
  }

  @Test
  void saysWhichFileOfTheCredentialsIsMissing(@TempDir Path folder) throws Exception {
    Path none = folder.resolve("none");
    List<URI> https = List.of(URI.create("https://127.0.0.1:1"));
    IOException config = assertThrows(IOException.class, () -> ApiAccess.kubeconfig(none, https));
    assertEquals("the kubeconfig " + none + " does not exist", config.getMessage());
    IOException pod = assertThrows(IOException.class, () -> ApiAccess.inCluster(https, folder));
    String advice = " does not exist: give a kubeconfig, or run in a pod with a service account";
    assertEquals(folder.resolve("ca.crt") + advice, pod.getMessage());
    Path token = Files.writeString(folder.resolve("token"), "x");
    Files.writeString(folder.resolve("ca.crt"), "x");
    IOException server =
        assertThrows(IOException.class, () -> ApiAccess.inCluster(List.of(), folder));
    assertTrue(String.valueOf(server.getMessage()).contains("name the control plane"));
    ApiAccess access = ApiAccess.withToken(https, none, token);
    UncheckedIOException ca =
        assertThrows(UncheckedIOException.class, () -> new Fabric8Api(access));
    assertEquals(
        "the certificates or the key for the API cannot be used: " + none + " does not exist",
        ca.getMessage());
  }

  @Test
  void readsTheTokenAnewForEachRequest(@TempDir Path folder) throws Exception {
    Path token = Files.writeString(folder.resolve("token"), "first\n");
    ApiAccess access = ApiAccess.withToken(List.of(URI.create("https://127.0.0.1:1")), null, token);
    try (Fabric8Api tokens = new Fabric8Api(onHttp(access))) {
      tokens.list(NODES, first(10));
      Files.writeString(token, "second\n");
      tokens.list(NODES, first(10));
    }
    assertEquals(List.of("Bearer first", "Bearer second"), server.authorizations());
  }

  private ApiAccess onHttp(ApiAccess access) {
    return new ApiAccess(List.of(server.uri()), access.config());
  }

  @Test
  void sendsNoTokenInClear(@TempDir Path folder) {
    assertThrows(
        IllegalArgumentException.class,
        () -> ApiAccess.withToken(List.of(server.uri()), null, folder.resolve("token")));
  }

  @Test
  void neverNamesATokenInAMessage(@TempDir Path folder) throws Exception {
    Path token = Files.writeString(folder.resolve("token"), "secret-one\nsecret-two\n");
    ApiAccess bad = ApiAccess.withToken(List.of(URI.create("https://127.0.0.1:1")), null, token);
    Config config = Config.empty();
    config.setOauthToken("secret-three\nline");
    List<ApiAccess> all = List.of(onHttp(bad), new ApiAccess(List.of(server.uri()), config));
    for (ApiAccess access : all) {
      try (Fabric8Api tokens = new Fabric8Api(access)) {
        KubeException e = assertThrows(KubeException.class, () -> tokens.list(NODES, first(10)));
        StringWriter trace = new StringWriter();
        e.printStackTrace(new PrintWriter(trace));
        assertFalse((trace.toString() + tokens + access).contains("secret"), trace.toString());
      }
    }
  }

  @Test
  void readsAKubeconfig(@TempDir Path folder) throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("config"),
            """
            apiVersion: v1
            kind: Config
            current-context: c
            clusters: [{name: c, cluster: {server: %s}}]
            users: [{name: u, user: {token: from-kubeconfig}}]
            contexts: [{name: c, context: {cluster: c, user: u}}]
            """
                .formatted(server.uri()));
    ApiAccess access = ApiAccess.kubeconfig(file, List.of());
    assertFalse(access.toString().contains("/]"), "a path begins with a slash itself: " + access);
    try (Fabric8Api configured = new Fabric8Api(access)) {
      configured.list(NODES, first(10));
    }
    assertEquals(List.of("Bearer from-kubeconfig"), server.authorizations());
    Path broken = Files.writeString(folder.resolve("broken"), "token: [secret");
    IOException e = assertThrows(IOException.class, () -> ApiAccess.kubeconfig(broken, List.of()));
    assertFalse(String.valueOf(e.getMessage()).contains("secret"));
  }

  @Test
  void doesNotFollowARedirectWithTheToken() throws Exception {
    HttpServer elsewhere =
        answering(
            exchange -> {
              exchange.getResponseHeaders().set("Location", server.uri() + "/api/v1/nodes");
              exchange.sendResponseHeaders(307, -1);
              exchange.close();
            });
    try (Fabric8Api redirected = new Fabric8Api(ApiAccess.anonymous(List.of(uri(elsewhere))))) {
      KubeException e = assertThrows(KubeException.class, () -> redirected.list(NODES, first(10)));
      assertEquals(307, e.code());
    } finally {
      elsewhere.stop(0);
    }
    assertTrue(server.requests().isEmpty());
  }

  /** As a balancer does whose API server is away. */
  @Test
  void goesToTheNextServerIfOneAnswersWithSomethingElse() throws Exception {
    nodes(1);
    for (int code : new int[] {200, 307, 404}) {
      HttpServer page = answering(exchange -> answer(exchange, code, "<html>Sorry</html>"));
      try (Fabric8Api two = new Fabric8Api(ApiAccess.anonymous(List.of(uri(page), server.uri())))) {
        if (code != 200) {
          KubeException e = assertThrows(KubeException.class, () -> two.list(NODES, first(10)));
          assertEquals(code, e.code());
        }
        assertEquals(1, two.list(NODES, first(10)).items().size(), "after " + code);
      } finally {
        page.stop(0);
      }
    }
  }

  /**
   * A kubelet may give a condition of its Node a type of any length, and the server makes a name of
   * that in managedFields. No kubelet must be able to end the reading of all Nodes.
   */
  @Test
  void readsAnObjectWithAVeryLongName() throws Exception {
    String name = "k:" + "x".repeat(200_000);
    String item =
        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\",\"managedFields\":[{\""
            + name
            + "\":{}}]}}";
    String list = "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" + item + "]}";
    Page<CulvertNode> page = KubeJson.page(new ByteArrayInputStream(bytes(list)), NODES);
    assertEquals("a", page.items().getFirst().metadata().name());
  }

  @Test
  void boundsLinesAndBodies() throws Exception {
    LineReader lines = new LineReader(new ByteArrayInputStream(bytes("one\n\n12345678901\n")), 10);
    assertEquals("one", new String(Objects.requireNonNull(lines.next()), StandardCharsets.UTF_8));
    assertEquals(0, Objects.requireNonNull(lines.next()).length);
    byte[] large = new byte[100_000];
    assertThrows(
        IOException.class, () -> new LineReader(new ByteArrayInputStream(large), 20_000).next());
    BoundedStream bounded = new BoundedStream(new ByteArrayInputStream(large), 99_999);
    assertThrows(IOException.class, bounded::readAllBytes);
    assertNotNull(new BoundedStream(new ByteArrayInputStream(large), 100_000).readAllBytes());
  }
}
