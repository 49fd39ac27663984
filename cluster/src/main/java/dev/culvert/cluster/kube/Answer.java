// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.kube;

import io.fabric8.kubernetes.client.http.AsyncBody;
import io.fabric8.kubernetes.client.http.HttpClient;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.HttpResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * The answer to a request: its head, and the body as a stream.
 *
 * @param client that it came by
 */
record Answer(HttpClient client, HttpResponse<AsyncBody> head, AnswerStream body)
    implements AutoCloseable {
  private static final int GZIP_BUFFER = 16_384;

  /**
   * Sends a request and waits for the head of the answer.
   *
   * @param patience for the head, and between two bytes of the body
   * @param whole for the whole body
   * @throws KubeException if there is none
   */
  static Answer of(
      HttpClient client, HttpRequest.Builder request, Duration patience, Duration whole)
      throws KubeException {
    AnswerStream body = new AnswerStream(patience, whole);
    CompletableFuture<HttpResponse<AsyncBody>> sent;
    try {
      sent = client.consumeBytes(request.build(), (bytes, more) -> body.arrived(bytes));
    } catch (UncheckedIOException e) {
      throw none(Refusals.text(e));
    } catch (RuntimeException e) {
      // Its message may hold a header, and with it the token.
      throw none("the request could not be made: " + e.getClass().getSimpleName());
    }
    try {
      HttpResponse<AsyncBody> head = sent.get(patience.toNanos(), TimeUnit.NANOSECONDS);
      body.begin(head.body());
      return new Answer(client, head, body);
    } catch (ExecutionException e) {
      throw none(Refusals.text(e));
    } catch (TimeoutException e) {
      abandon(sent);
      throw none("no answer within " + patience.toSeconds() + " s");
    } catch (InterruptedException e) {
      abandon(sent);
      Thread.currentThread().interrupt();
      throw none("interrupted");
    }
  }

  private static void abandon(CompletableFuture<HttpResponse<AsyncBody>> sent) {
    sent.cancel(true);
    var _ = sent.thenAccept(late -> late.body().cancel());
  }

  private static KubeException none(String reason) {
    return new KubeException(KubeException.NO_ANSWER, reason, null, null);
  }

  int code() {
    return head.code();
  }

  boolean isSuccess() {
    return code() / 100 == 2;
  }

  /** Whether the body is said to be JSON, as all answers of the API are to our requests. */
  boolean isJson() {
    String type = header("Content-Type");
    return type != null && type.startsWith("application/json");
  }

  /**
   * The body, decompressed.
   *
   * @param limit of the bytes after decompression
   */
  InputStream content(long limit) throws IOException {
    boolean packed = "gzip".equals(head.header("Content-Encoding"));
    return new BoundedStream(packed ? new GZIPInputStream(body, GZIP_BUFFER) : body, limit);
  }

  @Nullable String header(String name) {
    return head.header(name);
  }

  @Override
  public void close() {
    body.close();
  }
}
