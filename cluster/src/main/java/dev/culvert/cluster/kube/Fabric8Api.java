// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.kube;

import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.ResourceKind;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.http.HttpClient;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.jdkhttp.JdkHttpClientFactory;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient.Redirect;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/**
 * The API through the HTTP client of fabric8, which does TLS and authentication. Its own retries
 * are off, and its models and informers are not used.
 */
public final class Fabric8Api implements KubeApi {
  /** For the head of an answer, and between two of its bytes. */
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /** For a whole answer that is not a watch. */
  private static final Duration WHOLE = Duration.ofMinutes(2);

  private static final long MAX_PAGE = 256L << 20;
  private static final long MAX_OBJECT = 8L << 20;
  private static final String JSON = "application/json";
  private static final String MERGE_PATCH = "application/merge-patch+json";

  private final ApiAccess access;
  private final AtomicInteger server = new AtomicInteger();
  private volatile HttpClient client;
  private volatile boolean closed;

  public Fabric8Api(ApiAccess access) {
    this.access = access;
    this.client = newClient(access);
  }

  private static HttpClient newClient(ApiAccess access) {
    JdkHttpClientFactory factory =
        new JdkHttpClientFactory() {
          @Override
          protected void additionalConfig(java.net.http.HttpClient.Builder builder) {
            builder.followRedirects(Redirect.NEVER); // The token would follow.
          }
        };
    HttpClient plain;
    try {
      plain = factory.newBuilder(access.config()).build();
    } catch (KubernetesClientException e) {
      // Of its own it says that an error has occurred.
      String reason = Refusals.root(e);
      throw new UncheckedIOException(
          "the certificates or the key for the API cannot be used: " + reason,
          new IOException(reason));
    }
    return plain.newBuilder().tag(access.config().getRequestConfig()).build();
  }

  @Override
  public <T extends KubeObject> Page<T> list(ResourceKind<T> kind, ListQuery query)
      throws KubeException {
    ApiPath path = ApiPath.list(kind, query);
    try (Answer answer = get(path, true);
        InputStream body = answer.content(MAX_PAGE)) {
      return KubeJson.page(body, kind);
    } catch (IOException | JacksonException e) {
      throw broken(path, e);
    }
  }

  @Override
  public <T extends KubeObject> WatchStream<T> watch(
      ResourceKind<T> kind,
      @Nullable String fieldSelector,
      String resourceVersion,
      Duration timeout)
      throws KubeException {
    Answer answer = get(ApiPath.watch(kind, fieldSelector, resourceVersion, timeout), false);
    return new Watch<>(kind, answer, () -> suspect(answer.client()));
  }

  @Override
  public <T extends KubeObject> T get(ResourceKind<T> kind, String name) throws KubeException {
    ApiPath path = new ApiPath(kind.path(name, null));
    return object(kind, path, get(path, false));
  }

  @Override
  public <T extends KubeObject> T create(ResourceKind<T> kind, byte[] json) throws KubeException {
    return write(kind, new ApiPath(kind.path()), "POST", JSON, json);
  }

  @Override
  public <T extends KubeObject> T patch(
      ResourceKind<T> kind, String name, @Nullable String subresource, byte[] json)
      throws KubeException {
    return write(kind, new ApiPath(kind.path(name, subresource)), "PATCH", MERGE_PATCH, json);
  }

  @Override
  public <T extends KubeObject> T replace(ResourceKind<T> kind, String name, byte[] json)
      throws KubeException {
    return write(kind, new ApiPath(kind.path(name, null)), "PUT", JSON, json);
  }

  @Override
  public void delete(ResourceKind<?> kind, String name, String uid) throws KubeException {
    ApiPath path = new ApiPath(kind.path(name, null));
    String only = KubeJson.MAPPER.writeValueAsString(DeleteOptions.ofUid(uid));
    Exchange exchange = (client, url) -> request(client, url, false).method("DELETE", JSON, only);
    send(path, exchange, 1).close();
  }

  private record DeleteOptions(String apiVersion, String kind, Map<String, String> preconditions) {
    static DeleteOptions ofUid(String uid) {
      return new DeleteOptions("v1", "DeleteOptions", Map.of("uid", uid));
    }
  }

  private <T extends KubeObject> T write(
      ResourceKind<T> kind, ApiPath path, String method, String type, byte[] json)
      throws KubeException {
    Exchange exchange =
        (client, url) -> request(client, url, false).method(method, type, utf8(json));
    return object(kind, path, send(path, exchange, 1));
  }

  private static String utf8(byte[] json) {
    return new String(json, StandardCharsets.UTF_8);
  }

  private <T extends KubeObject> T object(ResourceKind<T> kind, ApiPath path, Answer answer)
      throws KubeException {
    try (answer;
        InputStream body = answer.content(MAX_OBJECT)) {
      return KubeJson.MAPPER.readValue(body, kind.type());
    } catch (IOException | JacksonException e) {
      throw broken(path, e);
    }
  }

  /** How a request is made for a server. */
  private interface Exchange {
    HttpRequest.Builder request(HttpClient client, String url);
  }

  private static HttpRequest.Builder request(HttpClient client, String url, boolean gzip) {
    HttpRequest.Builder request =
        client.newHttpRequestBuilder().uri(URI.create(url)).setHeader("Accept", JSON);
    return gzip ? request.setHeader("Accept-Encoding", "gzip") : request;
  }

  /** A reading request may go to each server, since it changes nothing. */
  private Answer get(ApiPath path, boolean gzip) throws KubeException {
    return send(
        path, (client, url) -> request(client, url, gzip).forStreaming(), access.servers().size());
  }

  /**
   * Sends a request to the server that answered last; if it gives no answer, to the next ones.
   *
   * @param attempts servers to try
   */
  private Answer send(ApiPath path, Exchange exchange, int attempts) throws KubeException {
    for (int attempt = 1; ; attempt++) {
      int index = server.get();
      URI base = access.servers().get(index);
      HttpClient used = client;
      boolean ofApi = true; // Else something before the API server answered in its place.
      try {
        if (closed) {
          throw new KubeException(KubeException.NO_ANSWER, "the client is closed", null, null);
        }
        Answer answer = answer(used, exchange.request(used, base + path.text()));
        ofApi = answer.isJson();
        if (answer.isSuccess() && ofApi) {
          return answer;
        }
        try (answer) {
          throw Refusals.of(path.resource(), answer);
        }
      } catch (KubeException e) {
        boolean serverFault =
            !ofApi || e.code() == KubeException.NO_ANSWER || e.code() == 429 || e.code() >= 500;
        if (serverFault) {
          server.compareAndSet(index, (index + 1) % access.servers().size());
        }
        if (e.code() != KubeException.NO_ANSWER) {
          throw e;
        }
        suspect(used);
        if (attempt >= attempts || Thread.currentThread().isInterrupted()) {
          throw e;
        }
      }
    }
  }

  private Answer answer(HttpClient used, HttpRequest.Builder request) throws KubeException {
    try {
      return Answer.of(used, request, PATIENCE, WHOLE);
    } catch (KubeException e) {
      // All servers, whichever was tried: a message that changes is logged anew each time.
      throw new KubeException(e.code(), access + ": " + e.getMessage(), e.retryAfter(), null);
    }
  }

  /**
   * A new client for the next request: with HTTP/2 all requests share a connection, and one that
   * was cut silently would swallow them all until the kernel gives it up after a quarter of an
   * hour. Streams of the old one go on.
   */
  private synchronized void suspect(HttpClient failed) {
    if (client == failed && !closed) {
      client = newClient(access);
    }
  }

  private static KubeException broken(ApiPath path, Exception e) {
    if (e instanceof KubeException known) {
      return known;
    }
    return new KubeException(
        KubeException.NO_ANSWER, path.resource() + ": " + Refusals.text(e), null, null);
  }

  @Override
  public synchronized void close() {
    closed = true;
    client.close();
  }

  @Override
  public String toString() {
    return access.toString();
  }
}
