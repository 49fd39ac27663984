// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.kube;

import java.io.IOException;
import java.io.Serial;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** An answer of the API server that is an error, or no answer. */
public final class KubeException extends IOException {
  /** The code if there was no answer. */
  public static final int NO_ANSWER = 0;

  /**
   * A watch said nothing for long. The server may be well: of a kind that did not change since its
   * start it sends no bookmarks before etcd tells it how far it is, by default each 10 minutes.
   */
  public static final int SILENCE = 1;

  public static final int UNAUTHORIZED = 401;
  public static final int FORBIDDEN = 403;
  public static final int NOT_FOUND = 404;
  public static final int CONFLICT = 409;

  /** The object is refused, by its schema or by an admission policy. */
  public static final int INVALID = 422;

  /** The version asked for is no longer, or not yet, in the server's history. */
  public static final int GONE = 410;

  /** The server answers, and is too old for Culvert. */
  public static final int TOO_OLD = 501;

  /** With {@code resourceVersionMatch}: the server is behind the version asked for. */
  public static final int TOO_LARGE_VERSION = 504;

  @Serial private static final long serialVersionUID = 1;

  private final int code;
  private final transient @Nullable Duration retryAfter;

  /**
   * @param code the status of HTTP, or {@link #NO_ANSWER} or {@link #SILENCE}
   * @param retryAfter the wait that the server asks for, if it does
   */
  public KubeException(
      int code, String message, @Nullable Duration retryAfter, @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
    this.retryAfter = retryAfter;
  }

  public int code() {
    return code;
  }

  public @Nullable Duration retryAfter() {
    return retryAfter;
  }
}
