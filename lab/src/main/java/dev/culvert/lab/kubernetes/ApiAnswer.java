// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import dev.culvert.lab.net.LabException;

/**
 * An answer of the API server.
 *
 * @param code of HTTP; 0 if there was no answer
 * @param body the object, or the reason of a refusal
 */
public record ApiAnswer(int code, JsonNode body) {
  public boolean succeeded() {
    return code >= 200 && code < 300;
  }

  /** The server's reason, if it refused. */
  public String message() {
    return body.path("message").asText();
  }

  /**
   * The object.
   *
   * @throws LabException with the server's reason, if it refused
   */
  public JsonNode orThrow() {
    if (!succeeded()) {
      throw new LabException("the API server answered %d: %s".formatted(code, message()));
    }
    return body;
  }
}
