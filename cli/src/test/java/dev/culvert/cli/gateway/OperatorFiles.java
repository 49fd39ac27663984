// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** The files for operators, as tests read them: alert rules, dashboard and runbooks. */
final class OperatorFiles {
  static final Path ROOT = Path.of("..");
  static final Path RULES = ROOT.resolve("ops/prometheus/culvert.rules.yaml");
  static final Path CASES = ROOT.resolve("ops/prometheus/culvert.rules.test.yaml");
  static final Path BOARD = ROOT.resolve("ops/grafana/culvert.json");
  static final Path RUNBOOKS = ROOT.resolve("docs/runbooks");
  static final String NODE_ROW = "Node $node";

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern WAIT = Pattern.compile("(?m)^( +for:) \\w+$");
  private static final Pattern WINDOW = Pattern.compile("\\[(?:5|10)m]");
  private static final Pattern DIAGNOSIS =
      Pattern.compile("(?s)\n## Diagnosis\n(.*?)\n## Mitigation\n");

  /** Series that only an ESP gateway with a global key, or a file of nodes, has. */
  private static final Pattern OF_ESP_CLUSTER =
      Pattern.compile(
          "key_epoch|key_created|key_rotation|sas\\b|sa_sequence|exemption|cluster_nodes");

  /** Series that only a gateway has whose nodes come from the Kubernetes API. */
  private static final Pattern OF_KUBERNETES =
      Pattern.compile("control_plane|cluster_last_sync|cluster_failures|source=\"kubernetes\"");

  private OperatorFiles() {}

  /** The gateways whose series an expression needs. */
  enum Needs {
    ANY,
    ESP_CLUSTER,
    KUBERNETES
  }

  /**
   * A query of the dashboard.
   *
   * @param row the title of its row
   * @param panel the title of its panel
   */
  record Query(String row, String panel, String expression) {
    Needs needs() {
      return OperatorFiles.needs(expression);
    }

    /** The query as Grafana asks it. */
    String asked(String node) {
      return expression
          .replace("$cluster", ".*")
          .replace("$interface", ".*")
          .replace("=~\"$node\"", "=~\".*\"")
          .replace("$node", node)
          .replace("$__rate_interval", "1m");
    }
  }

  static Needs needs(String expression) {
    if (OF_KUBERNETES.matcher(expression).find()) {
      return Needs.KUBERNETES;
    }
    return OF_ESP_CLUSTER.matcher(expression).find() ? Needs.ESP_CLUSTER : Needs.ANY;
  }

  static JsonNode yaml(Path file) throws IOException {
    Object document =
        new Load(LoadSettings.builder().build()).loadFromString(Files.readString(file));
    return JSON.valueToTree(document);
  }

  /** All rules that have this field: {@code alert} or {@code record}. */
  static List<JsonNode> rules(String field) throws IOException {
    List<JsonNode> rules = new ArrayList<>();
    for (JsonNode group : yaml(RULES).path("groups")) {
      for (JsonNode rule : group.path("rules")) {
        if (rule.has(field)) {
          rules.add(rule);
        }
      }
    }
    return rules;
  }

  /**
   * The rules for a test, which cannot wait for minutes.
   *
   * @return a file in {@code folder}
   */
  static Path quickRules(Path folder) throws IOException {
    String quick = WAIT.matcher(Files.readString(RULES)).replaceAll("$1 3s");
    return Files.writeString(
            folder.resolve("quick.rules.yaml"), WINDOW.matcher(quick).replaceAll("[30s]"))
        .toAbsolutePath();
  }

  static JsonNode board() throws IOException {
    return JSON.readTree(BOARD.toFile());
  }

  /** All queries of the dashboard, those of rows that are folded too. */
  static List<Query> queries() throws IOException {
    List<Query> queries = new ArrayList<>();
    String row = "";
    for (JsonNode panel : board().path("panels")) {
      if (panel.path("type").asText().equals("row")) {
        row = panel.path("title").asText();
      }
      add(queries, row, panel);
      for (JsonNode inner : panel.path("panels")) {
        add(queries, row, inner);
      }
    }
    return queries;
  }

  private static void add(List<Query> queries, String row, JsonNode panel) {
    for (JsonNode target : panel.path("targets")) {
      queries.add(new Query(row, panel.path("title").asText(), target.path("expr").asText()));
    }
  }

  static List<Path> runbooks() throws IOException {
    try (Stream<Path> files = Files.list(RUNBOOKS)) {
      return files.filter(file -> !file.endsWith("README.md")).sorted().toList();
    }
  }

  /** The commands of culvert that runbooks have in their diagnoses, each once, without comments. */
  static List<String> diagnoses() throws IOException {
    List<String> commands = new ArrayList<>();
    for (Path runbook : runbooks()) {
      DIAGNOSIS
          .matcher(Files.readString(runbook))
          .results()
          .flatMap(section -> section.group(1).lines())
          .filter(line -> line.startsWith("culvert "))
          .map(line -> line.replaceFirst("\\s+#.*", ""))
          .forEach(commands::add);
    }
    return commands.stream().distinct().toList();
  }
}
