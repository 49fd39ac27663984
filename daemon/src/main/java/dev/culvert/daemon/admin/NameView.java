// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A peer's endpoint that is a name.
 *
 * @param endpoint as it was written
 * @param answer what it last stood for, the best first; empty: it was never resolved
 * @param error why it does not resolve now, null if it does or was not answered yet
 * @param seconds since when that is so
 * @param nextTry seconds until it is asked for again, null without an error
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record NameView(
    String peer,
    String endpoint,
    List<String> answer,
    @Nullable String error,
    long seconds,
    @Nullable Long nextTry) {
  public NameView {
    answer = List.copyOf(answer);
  }

  /** What an operator should know, or null: all is well. */
  public @Nullable String trouble() {
    if (error == null) {
      return answer.isEmpty() ? endpoint + " of " + peer + " is not answered yet" : null;
    }
    return endpoint
        + " of "
        + peer
        + " has not resolved for "
        + seconds
        + " s: "
        + error
        + (answer.isEmpty() ? "" : "; it was " + String.join(", ", answer))
        + "; asked for again in "
        + nextTry
        + " s";
  }
}
