// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.kube;

import dev.culvert.cluster.resource.Printable;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/** Failures as {@link KubeException}s, with messages of bounded length. */
final class Refusals {
  private static final String OURS = "/apis/culvert.dev/";
  private static final int MAX_BODY = 64 * 1024;
  private static final int MAX_MESSAGE = 1024;
  private static final int MAX_WAIT_SECONDS = 600;

  private Refusals() {}

  /** The refusal that an answer is. A success that is not the API's own counts as no answer. */
  static KubeException of(String resource, Answer answer) {
    byte[] body;
    try (InputStream content = answer.content(2L * MAX_BODY)) {
      body = content.readNBytes(MAX_BODY);
    } catch (IOException e) {
      body = new byte[0]; // The code says enough.
    }
    KubeJson.Status status = status(body);
    Integer wait = status.retryAfterSeconds();
    return new KubeException(
        answer.isSuccess() ? KubeException.NO_ANSWER : answer.code(),
        resource
            + ": "
            + (isUnknownKind(answer.code(), resource, body)
                ? answer.code() + " the server does not have this kind of object: apply crds.yaml"
                : message(answer.code(), status.message())),
        wait(wait != null ? wait : seconds(answer.header("Retry-After"))),
        null);
  }

  /** The refusal that came within a watch. */
  static KubeException of(String resource, KubeJson.Status status) {
    return new KubeException(
        status.code(),
        resource + ": " + message(status.code(), status.message()),
        wait(status.retryAfterSeconds()),
        null);
  }

  /** A path that the server does not have is answered with text, a missing object with a Status. */
  private static boolean isUnknownKind(int code, String resource, byte[] body) {
    return code == KubeException.NOT_FOUND
        && resource.startsWith(OURS)
        && (body.length == 0 || body[0] != '{');
  }

  private static KubeJson.Status status(byte[] body) {
    try {
      if (body.length > 0 && body[0] == '{') {
        return KubeJson.MAPPER.readValue(body, KubeJson.Status.class);
      }
    } catch (JacksonException e) {
      // Something between us and the API server answered, and the code is all it said.
      return new KubeJson.Status(null, 0, null);
    }
    String text = new String(body, StandardCharsets.UTF_8).strip();
    return new KubeJson.Status(text.isEmpty() ? null : text, 0, null);
  }

  private static String message(int code, @Nullable String text) {
    return text == null ? "status " + code : code + " " + printable(text);
  }

  private static @Nullable Integer seconds(@Nullable String header) {
    return header != null && header.matches("[0-9]{1,6}") ? Integer.valueOf(header) : null;
  }

  private static @Nullable Duration wait(@Nullable Integer seconds) {
    return seconds == null || seconds < 0
        ? null
        : Duration.ofSeconds(Math.min(seconds, MAX_WAIT_SECONDS));
  }

  /** The reason of a failure to talk at all, without class names. */
  static String text(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null
        && (cause instanceof ExecutionException
            || cause instanceof CompletionException
            || cause instanceof UncheckedIOException
            || cause.getMessage() == null)) {
      cause = cause.getCause();
    }
    String message =
        cause instanceof JacksonException json ? json.getOriginalMessage() : cause.getMessage();
    return printable(message == null ? cause.getClass().getSimpleName() : message);
  }

  /** The first cause of a failure, without class names. */
  static String root(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause instanceof NoSuchFileException missing
        ? printable(missing.getFile() + " does not exist")
        : text(cause);
  }

  private static String printable(String text) {
    return Printable.text(text, MAX_MESSAGE);
  }
}
