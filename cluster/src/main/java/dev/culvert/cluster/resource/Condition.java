// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A condition in the form of the Kubernetes API conventions.
 *
 * @param type such as {@link #KEY_ACCEPTED}
 * @param status {@link #TRUE}, {@link #FALSE} or {@link #UNKNOWN}
 * @param reason one word in CamelCase
 * @param message for people
 * @param lastTransitionTime RFC 3339
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Condition(
    String type,
    String status,
    @Nullable String reason,
    @Nullable String message,
    @Nullable String lastTransitionTime,
    @Nullable Long observedGeneration) {
  /** Of a message. */
  public static final int MAX_MESSAGE = 1024;

  /** The key in the status of a CulvertNode is the one that its spec claims. */
  public static final String KEY_ACCEPTED = "KeyAccepted";

  /** The node's addresses and the ranges of its pods are known. */
  public static final String RANGES_KNOWN = "RangesKnown";

  /** No other node has this node's key, ranges or addresses. */
  public static final String NO_CONFLICT = "NoConflict";

  public static final String TRUE = "True";
  public static final String FALSE = "False";
  public static final String UNKNOWN = "Unknown";

  public Condition {
    reason = reason == null ? null : Printable.text(reason, MAX_MESSAGE);
    message = message == null ? null : Printable.text(message, MAX_MESSAGE);
  }

  /** The condition of a type, or null. */
  public static @Nullable Condition find(List<Condition> conditions, String type) {
    for (Condition condition : conditions) {
      if (type.equals(condition.type())) {
        return condition;
      }
    }
    return null;
  }

  /** Reason and message, for people. */
  public String text() {
    String first = reason == null ? type : reason;
    return message == null || message.isEmpty() ? first : first + ": " + message;
  }
}
