// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.fake;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.culvert.cluster.kube.KubeJson;
import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.Namespace;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.cluster.resource.ServerVersion;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.GZIPOutputStream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * An API server for tests without a real one: lists in pages of one version, watches with
 * bookmarks, 410, 429 and 504 as kube-apiserver answers them, gzip, merge patches, and faults.
 */
public final class FakeApiServer implements AutoCloseable {
  private static final long TICK_MILLIS = 5;
  private static final int NEWEST = 37;

  /** Since then custom resources have fields to select by. */
  private static final int SELECTS_FIELDS = 31;

  private final HttpServer server;
  private final String scheme;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final FakeStore store = new FakeStore();
  private final Map<String, Listing> listings = new ConcurrentHashMap<>();
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private final List<String> authorizations = new CopyOnWriteArrayList<>();
  private final Set<HttpExchange> watches = ConcurrentHashMap.newKeySet();
  private final AtomicInteger tokens = new AtomicInteger();

  private volatile @Nullable Refusal refusal;
  private final AtomicInteger watchEpoch = new AtomicInteger();
  private volatile int minor;
  private volatile boolean silent;
  private volatile boolean dripping;
  private volatile boolean expireLists;

  private record Refusal(int code, String message, @Nullable Integer retryAfter) {}

  /** A list that is being read in pages: all of them are of one version. */
  private record Listing(long revision, List<ObjectNode> objects) {}

  public FakeApiServer() {
    this(plain(), "http");
  }

  /**
   * With TLS.
   *
   * @param keys a PKCS 12 file with the server's key and certificate
   */
  public FakeApiServer(Path keys, String password) {
    this(encrypted(keys, password), "https");
  }

  private FakeApiServer(HttpServer server, String scheme) {
    this.server = server;
    this.scheme = scheme;
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
    edit(
        s ->
            s.put(
                ResourceKind.NAMESPACES.path(),
                Namespace.KUBE_SYSTEM,
                KubeJson.MAPPER.createObjectNode()));
    edit(
        s ->
            s.put(
                ResourceKind.DEFINITIONS.path(),
                ResourceKind.CULVERT_NODES.definition(),
                KubeJson.MAPPER.createObjectNode()));
    version(NEWEST);
  }

  private static HttpServer plain() {
    try {
      return HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static HttpServer encrypted(Path keys, String password) {
    try {
      KeyStore store = KeyStore.getInstance(keys.toFile(), password.toCharArray());
      KeyManagerFactory managers =
          KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      managers.init(store, password.toCharArray());
      SSLContext tls = SSLContext.getInstance("TLS");
      tls.init(managers.getKeyManagers(), null, null);
      HttpsServer server =
          HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      server.setHttpsConfigurator(new HttpsConfigurator(tls));
      return server;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException(keys + " is not for TLS", e);
    }
  }

  public URI uri() {
    return URI.create(scheme + "://127.0.0.1:" + server.getAddress().getPort());
  }

  /** Each request as method and path with parameters. */
  public List<String> requests() {
    return requests;
  }

  /** The headers {@code Authorization} that came. */
  public List<String> authorizations() {
    return authorizations;
  }

  /** A change of the objects. */
  public interface Edit {
    void on(FakeStore store);
  }

  /** Changes objects. */
  public void edit(Edit edit) {
    synchronized (store) {
      edit.on(store);
    }
  }

  public <T extends KubeObject> void put(ResourceKind<T> kind, String name, T object) {
    edit(s -> s.put(kind, name, object));
  }

  public void delete(ResourceKind<?> kind, String name) {
    edit(s -> s.delete(kind.path(), name));
  }

  /** From now on this is a server of Kubernetes 1.{@code minor}. */
  public final void version(int minor) {
    this.minor = minor;
    ObjectNode version = KubeJson.MAPPER.createObjectNode();
    version.put("major", "1").put("minor", Integer.toString(minor));
    version.put("gitVersion", "v1." + minor + ".0");
    edit(s -> s.put(ResourceKind.VERSIONS.path(), ServerVersion.NAME, version));
  }

  /** From now on every request is refused. */
  public void refuse(int code, String message, @Nullable Integer retryAfterSeconds) {
    refusal = new Refusal(code, message, retryAfterSeconds);
  }

  /** From now on requests are answered. */
  public void allow() {
    refusal = null;
  }

  /** Ends all watches, as a server that shuts down. */
  public void cutWatches() {
    watchEpoch.incrementAndGet();
  }

  /** Whether nothing more is sent in watches, not even bookmarks. */
  public void silent(boolean silent) {
    this.silent = silent;
  }

  /** Whether watches get a byte now and then and never a line. */
  public void dripping(boolean now) {
    dripping = now;
  }

  /** Whether a list expires before its second page. */
  public void expireLists(boolean expire) {
    this.expireLists = expire;
  }

  public int watches() {
    return watches.size();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      requests.add(exchange.getRequestMethod() + " " + exchange.getRequestURI());
      String authorization = exchange.getRequestHeaders().getFirst("Authorization");
      if (authorization != null) {
        authorizations.add(authorization);
      }
      Refusal refused = refusal;
      if (refused != null) {
        refuse(exchange, refused.code(), refused.message(), refused.retryAfter());
        return;
      }
      Map<String, String> query = query(exchange.getRequestURI());
      String path = exchange.getRequestURI().getPath();
      if (query.getOrDefault("fieldSelector", "").startsWith("status.") && minor < SELECTS_FIELDS) {
        refuse(exchange, 400, "field label not supported: status.phase", null);
        return;
      }
      switch (exchange.getRequestMethod()) {
        case "GET" -> {
          if ("true".equals(query.get("watch"))) {
            watch(exchange, path, query);
          } else if (isCollection(path)) {
            list(exchange, path, query);
          } else {
            get(exchange, path);
          }
        }
        case "POST" -> create(exchange, path);
        case "PUT" -> replace(exchange, path);
        case "PATCH" -> patch(exchange, path);
        case "DELETE" -> delete(exchange, path);
        default -> refuse(exchange, 405, "the method is not allowed", null);
      }
    }
  }

  /** Such as /api/v1/X, /apis/GROUP/VERSION/X, /apis/GROUP/VERSION/namespaces/NAME/X. */
  private static boolean isCollection(String path) {
    int parts = path.replaceFirst("/namespaces/[^/]+/", "/").split("/", -1).length - 1;
    return path.startsWith("/apis/") ? parts == 4 : parts == 3;
  }

  private static Map<String, String> query(URI uri) {
    Map<String, String> query = new HashMap<>();
    if (uri.getRawQuery() != null) {
      for (String part : uri.getRawQuery().split("&", -1)) {
        int equal = part.indexOf('=');
        query.put(
            part.substring(0, equal),
            URLDecoder.decode(part.substring(equal + 1), StandardCharsets.UTF_8));
      }
    }
    return query;
  }

  private void list(HttpExchange exchange, String path, Map<String, String> query)
      throws IOException {
    int limit = Integer.parseInt(query.getOrDefault("limit", "0"));
    String token = query.get("continue");
    Listing listing;
    int from = 0;
    if (token != null) {
      String[] parts = token.split(":", -1);
      from = Integer.parseInt(parts[1]);
      listing = listings.get(parts[0]);
      if (listing == null || expireLists) {
        refuse(exchange, 410, "The provided continue parameter is too old", null);
        return;
      }
    } else {
      synchronized (store) {
        String notOlderThan = query.get("resourceVersion");
        if (notOlderThan != null && Long.parseLong(notOlderThan) > store.revision()) {
          refuse(
              exchange,
              504,
              "Timeout: Too large resource version: %s, current: %d"
                  .formatted(notOlderThan, store.revision()),
              1);
          return;
        }
        listing =
            new Listing(
                store.revision(),
                store.list(path).values().stream().filter(o -> selected(o, query)).toList());
      }
      token = "t" + tokens.incrementAndGet() + ":0";
      listings.put(token.substring(0, token.indexOf(':')), listing);
    }
    int to =
        limit == 0 ? listing.objects().size() : Math.min(from + limit, listing.objects().size());
    ObjectNode answer = KubeJson.MAPPER.createObjectNode();
    answer.put("kind", "List");
    ObjectNode metadata = answer.putObject("metadata");
    metadata.put("resourceVersion", Long.toString(listing.revision()));
    if (to < listing.objects().size()) {
      metadata.put("continue", token.substring(0, token.indexOf(':')) + ":" + to);
    }
    ArrayNode items = answer.putArray("items");
    listing.objects().subList(from, to).forEach(items::add);
    answer(exchange, 200, answer);
  }

  private static boolean selected(ObjectNode object, Map<String, String> query) {
    String selector = query.get("fieldSelector");
    if (selector == null) {
      return true;
    }
    for (String term : selector.split(",", -1)) {
      int equal = term.indexOf('=');
      JsonNode at = object;
      for (String field : term.substring(0, equal).split("\\.", -1)) {
        at = at.path(field);
      }
      if (!at.asString("").equals(term.substring(equal + 1))) {
        return false;
      }
    }
    return true;
  }

  private void watch(HttpExchange exchange, String path, Map<String, String> query)
      throws IOException {
    int epoch = watchEpoch.get();
    long last = Long.parseLong(query.getOrDefault("resourceVersion", "0"));
    long end =
        System.nanoTime()
            + 1_000_000_000L * Long.parseLong(query.getOrDefault("timeoutSeconds", "300"));
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(200, 0);
    OutputStream out = exchange.getResponseBody();
    watches.add(exchange);
    try {
      long bookmarked = 0;
      out.flush();
      while (System.nanoTime() < end && epoch == watchEpoch.get()) {
        List<FakeStore.Event> events;
        long now;
        synchronized (store) {
          events = store.after(path, last);
          now = store.revision();
        }
        if (dripping) {
          out.write(' ');
          out.flush();
          pause();
          continue;
        }
        if (silent || last > now) {
          pause(); // A version of the future: nothing is said.
          continue;
        }
        if (events == null) {
          write(out, "ERROR", status(410, "too old resource version: " + last, null));
          return;
        }
        for (FakeStore.Event event : events) {
          String type = type(event, query);
          if (type != null) {
            write(out, type, event.object());
          }
        }
        last = Math.max(last, now);
        if (bookmarked != last) {
          bookmarked = last;
          ObjectNode bookmark = KubeJson.MAPPER.createObjectNode();
          bookmark.putObject("metadata").put("resourceVersion", Long.toString(last));
          write(out, "BOOKMARK", bookmark);
        }
        pause();
      }
    } finally {
      watches.remove(exchange);
    }
  }

  /** Leaving the selection is a deletion for those who watch it; null: it was never in it. */
  private static @Nullable String type(FakeStore.Event event, Map<String, String> query) {
    ObjectNode before = event.before();
    boolean was = before != null && selected(before, query);
    boolean is = !event.type().equals("DELETED") && selected(event.object(), query);
    return is ? was ? "MODIFIED" : "ADDED" : was ? "DELETED" : null;
  }

  private static void pause() throws IOException {
    try {
      Thread.sleep(TICK_MILLIS);
    } catch (InterruptedException e) {
      throw new IOException("the server stops", e);
    }
  }

  private static void write(OutputStream out, String type, ObjectNode object) throws IOException {
    ObjectNode event = KubeJson.MAPPER.createObjectNode();
    event.put("type", type);
    event.set("object", object);
    out.write((event + "\n").getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  private void get(HttpExchange exchange, String path) throws IOException {
    ObjectNode found;
    synchronized (store) {
      found = store.get(collection(path), name(path));
    }
    if (found == null) {
      refuse(exchange, 404, name(path) + " not found", null);
    } else {
      answer(exchange, 200, found);
    }
  }

  private void create(HttpExchange exchange, String path) throws IOException {
    ObjectNode object = body(exchange);
    String name = object.path("metadata").path("name").asString("");
    ObjectNode made;
    synchronized (store) {
      made = store.get(path, name) != null ? null : store.put(path, name, object);
    }
    if (made == null) {
      refuse(exchange, 409, name + " already exists", null);
    } else {
      answer(exchange, 201, made);
    }
  }

  private void patch(HttpExchange exchange, String path) throws IOException {
    ObjectNode patch = body(exchange);
    boolean status = path.endsWith("/status");
    String object = status ? path.substring(0, path.length() - "/status".length()) : path;
    ObjectNode changed = null;
    String conflict = null;
    synchronized (store) {
      ObjectNode before = store.get(collection(object), name(object));
      if (before != null) {
        String wanted = version(patch);
        if (!wanted.isEmpty() && !wanted.equals(version(before))) {
          conflict = name(object) + " has been modified";
        } else {
          ObjectNode merged = (ObjectNode) MergePatch.merged(before, patch);
          ObjectNode kept = before.deepCopy();
          if (status) {
            kept.set("status", merged.path("status"));
          } else {
            kept = merged;
            kept.remove("status");
            if (before.has("status")) {
              kept.set("status", before.path("status"));
            }
          }
          changed =
              kept.equals(before) ? before : store.put(collection(object), name(object), kept);
        }
      }
    }
    if (conflict != null) {
      refuse(exchange, 409, conflict, null);
    } else if (changed == null) {
      refuse(exchange, 404, name(object) + " not found", null);
    } else {
      answer(exchange, 200, changed);
    }
  }

  private void replace(HttpExchange exchange, String path) throws IOException {
    ObjectNode object = body(exchange);
    String wanted = version(object);
    ObjectNode made = null;
    boolean there;
    synchronized (store) {
      ObjectNode before = store.get(collection(path), name(path));
      there = before != null;
      if (before != null && (wanted.isEmpty() || wanted.equals(version(before)))) {
        if (before.has("status")) {
          object.set("status", before.path("status"));
        }
        made = store.put(collection(path), name(path), object);
      }
    }
    if (made != null) {
      answer(exchange, 200, made);
    } else if (there) {
      refuse(exchange, 409, name(path) + " has been modified", null);
    } else {
      refuse(exchange, 404, name(path) + " not found", null);
    }
  }

  private static String version(ObjectNode object) {
    return object.path("metadata").path("resourceVersion").asString("");
  }

  private void delete(HttpExchange exchange, String path) throws IOException {
    byte[] options = exchange.getRequestBody().readAllBytes();
    String uid =
        options.length == 0
            ? ""
            : KubeJson.MAPPER.readTree(options).path("preconditions").path("uid").asString("");
    int code;
    synchronized (store) {
      ObjectNode before = store.get(collection(path), name(path));
      if (before == null) {
        code = 404;
      } else if (!uid.isEmpty() && !uid.equals(before.path("metadata").path("uid").asString(""))) {
        code = 409;
      } else {
        store.delete(collection(path), name(path));
        code = 200;
      }
    }
    answer(exchange, code, status(code, name(path) + ": " + code, null));
  }

  private static String collection(String path) {
    return path.substring(0, path.lastIndexOf('/'));
  }

  private static String name(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  private static ObjectNode body(HttpExchange exchange) throws IOException {
    return (ObjectNode) KubeJson.MAPPER.readTree(exchange.getRequestBody().readAllBytes());
  }

  private static ObjectNode status(int code, String message, @Nullable Integer retryAfter) {
    ObjectNode status = KubeJson.MAPPER.createObjectNode();
    status.put("kind", "Status");
    status.put("message", message);
    status.put("code", code);
    if (retryAfter != null) {
      status.putObject("details").put("retryAfterSeconds", retryAfter);
    }
    return status;
  }

  private static void refuse(
      HttpExchange exchange, int code, String message, @Nullable Integer retryAfter)
      throws IOException {
    if (retryAfter != null) {
      exchange.getResponseHeaders().set("Retry-After", retryAfter.toString());
    }
    answer(exchange, code, status(code, message, retryAfter));
  }

  private static void answer(HttpExchange exchange, int code, ObjectNode object)
      throws IOException {
    byte[] bytes = KubeJson.MAPPER.writeValueAsBytes(object);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    String accepted = exchange.getRequestHeaders().getFirst("Accept-Encoding");
    if (accepted != null && accepted.contains("gzip")) {
      exchange.getResponseHeaders().set("Content-Encoding", "gzip");
      ByteArrayOutputStream packed = new ByteArrayOutputStream();
      try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
        out.write(bytes);
      }
      bytes = packed.toByteArray();
    }
    exchange.sendResponseHeaders(code, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  /** The requests whose text holds {@code part}. */
  public List<String> requests(String part) {
    List<String> found = new ArrayList<>();
    for (String request : requests) {
      if (request.contains(part)) {
        found.add(request);
      }
    }
    return found;
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
