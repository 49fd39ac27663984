// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A peer's endpoint that is a name.
 *
 * @param endpoint as it was written
 * @param answer the endpoints that the name last stood for, the best first; empty if it was never
 *     resolved
 * @param error why the name does not resolve now; null if it does, or if there was no answer yet
 * @param seconds since the name came into this state
 * @param nextTry seconds until the name is asked for again, null without an error
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

  /** The fault that an operator should know of, or null if there is none. */
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
