// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.kubernetes;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.culvert.lab.net.Commands;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Speaks to an API server as one user, by curl, which can do so in a namespace. */
public final class ApiClient {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Place place;
  private final List<String> identity;

  private ApiClient(Place place, List<String> identity) {
    this.place = place;
    this.identity = List.copyOf(identity);
  }

  static ApiClient withToken(Place place, Path authority, String token) {
    return new ApiClient(
        place,
        List.of("--cacert", authority.toString(), "--header", "Authorization: Bearer " + token));
  }

  static ApiClient withCertificate(Place place, Path authority, Credentials.Certificate own) {
    return new ApiClient(
        place,
        List.of(
            "--cacert",
            authority.toString(),
            "--cert",
            own.certificate().toString(),
            "--key",
            own.key().toString()));
  }

  /** An administrator in the name of another user, who is in the given group. */
  public ApiClient inTheNameOf(String user, String group) {
    List<String> impersonation = new ArrayList<>(identity);
    impersonation.addAll(
        List.of(
            "--header", "Impersonate-User: " + user, "--header", "Impersonate-Group: " + group));
    return new ApiClient(place, impersonation);
  }

  public ApiAnswer get(String path) {
    return send("GET", path, null, "application/json");
  }

  /**
   * The uid of the FlowSchema by which the API server classifies a read; empty if it tells none, or
   * does not answer.
   */
  public String flowSchema(String path) {
    List<String> command = curl("%header{x-kubernetes-pf-flowschema-uid}");
    command.addAll(List.of("--output", "/dev/null", place.apiUrl() + path));
    return place.attempt(Commands.PATIENCE, command).out();
  }

  public ApiAnswer create(String path, String json) {
    return send("POST", path, json, "application/json");
  }

  /** Changes an object by a JSON merge patch. */
  public ApiAnswer patch(String path, String json) {
    return send("PATCH", path, json, "application/merge-patch+json");
  }

  public ApiAnswer delete(String path) {
    return send("DELETE", path, null, "application/json");
  }

  /**
   * A command that lacks the request.
   *
   * @param last written behind the body
   */
  private List<String> curl(String last) {
    List<String> command =
        new ArrayList<>(
            List.of(
                "curl",
                "--silent",
                "--show-error",
                "--max-time",
                Long.toString(PATIENCE.toSeconds()),
                "--write-out",
                last));
    command.addAll(identity);
    return command;
  }

  private ApiAnswer send(String method, String path, @Nullable String json, String type) {
    List<String> command = curl("\n%{http_code}");
    command.addAll(List.of("--request", method, place.apiUrl() + path));
    if (json != null) {
      command.addAll(List.of("--header", "Content-Type: " + type, "--data-binary", json));
    }
    Commands.Result result = place.attempt(Commands.PATIENCE, command);
    int end = result.out().lastIndexOf('\n');
    int code = Integer.parseInt(result.out().substring(end + 1));
    return code == 0
        ? new ApiAnswer(0, JSON.createObjectNode().put("message", result.err().strip()))
        : new ApiAnswer(code, parse(result.out().substring(0, end)));
  }

  private static JsonNode parse(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      return new TextNode(text); // such as "ok" of /readyz
    }
  }
}
