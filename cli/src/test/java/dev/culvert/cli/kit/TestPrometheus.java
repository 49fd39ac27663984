// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A real Prometheus in a namespace, which scrapes gateways every two seconds. */
public final class TestPrometheus implements AutoCloseable {
  /** The port of the gateways' metrics. */
  public static final int METRICS_PORT = 9586;

  private static final String OWN_ADDRESS = "127.0.0.1:9090";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Namespace at;
  private final Daemon daemon;

  /**
   * A gateway.
   *
   * @param instance the value of that label
   * @param address of its metrics
   * @param tls whether it has a certificate, which is not looked at
   */
  public record Target(String instance, String address, boolean tls) {
    /** One without TLS. */
    public static Target plain(String instance, String address) {
      return new Target(instance, address, false);
    }

    private String yaml() {
      return """
            - job_name: culvert-%1$s
              scheme: %2$s
              tls_config: {insecure_skip_verify: true}
              static_configs:
                - {targets: ['%3$s:%4$d'], labels: {job: culvert, instance: %1$s}}
          """
          .formatted(instance, tls ? "https" : "http", address, METRICS_PORT);
    }
  }

  /**
   * Starts it, and waits until it has scraped all targets.
   *
   * @param folder an empty one, for its data
   * @param rules a file, or null for none
   */
  public TestPrometheus(Namespace at, Path folder, List<Target> targets, @Nullable Path rules)
      throws IOException {
    this.at = at;
    StringBuilder yaml =
        new StringBuilder("global: {scrape_interval: 2s, evaluation_interval: 1s}\n");
    if (rules != null) {
      yaml.append("rule_files: ['").append(rules).append("']\n");
    }
    yaml.append("scrape_configs:\n");
    targets.forEach(target -> yaml.append(target.yaml()));
    Path config = Files.writeString(folder.resolve("prometheus.yml"), yaml);
    daemon =
        at.start(
            "prometheus",
            "--config.file=" + config,
            "--storage.tsdb.path=" + folder.resolve("data"),
            "--web.listen-address=" + OWN_ADDRESS);
    try {
      daemon.await(
          "a scrape of each gateway",
          Commands.PATIENCE,
          () -> answers("up == 1") == targets.size());
    } catch (RuntimeException e) {
      daemon.close();
      throw e;
    }
  }

  /** The series that it answers with; null while it does not answer. */
  public @Nullable JsonNode ask(String query) {
    Commands.Result asked =
        at.attempt(
            "curl",
            "-sS",
            "-G",
            "http://" + OWN_ADDRESS + "/api/v1/query",
            "--data-urlencode",
            "query=" + query);
    if (!asked.succeeded()) {
      return null;
    }
    try {
      JsonNode answer = JSON.readTree(asked.out());
      return answer.path("status").asText().equals("success")
          ? answer.path("data").path("result")
          : null;
    } catch (JsonProcessingException e) {
      return null;
    }
  }

  /** How many series Prometheus answers with; -1 while it does not answer. */
  public int answers(String query) {
    JsonNode answer = ask(query);
    return answer == null ? -1 : answer.size();
  }

  /** Waits until a query has an answer of one series or more. */
  public void await(String query) {
    daemon.await(query, Commands.PATIENCE, () -> answers(query) > 0);
  }

  /** Waits until an alert fires for an instance. */
  public void awaitFiring(String alert, String instance) {
    await(firing("alertname=\"" + alert + "\",instance=\"" + instance + "\""));
  }

  /** Waits until an alert fires for no instance. */
  public void awaitSilence(String alert) {
    String query = firing("alertname=\"" + alert + "\"");
    daemon.await("the end of " + alert, Commands.PATIENCE, () -> answers(query) == 0);
  }

  /** The query for alerts that fire. */
  public static String firing(String matchers) {
    return "ALERTS{alertstate=\"firing\"," + matchers + "}";
  }

  @Override
  public void close() {
    daemon.close();
  }
}
