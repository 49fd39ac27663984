// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.culvert.cli.RootCommand;
import dev.culvert.cli.gateway.OperatorFiles.Query;
import dev.culvert.cli.kit.Requirements;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import dev.culvert.lab.net.Commands;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.PeerState;
import dev.culvert.tunnel.port.Offload;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** Alerts, runbooks and dashboard fit each other, and the metrics that there are. */
final class AlertRulesTest {
  private static final Pattern HEADING = Pattern.compile("(?m)^## (.*)$");
  private static final Pattern INDEX =
      Pattern.compile(
          "(?m)^\\| \\[(\\w+)]\\((\\w+)\\.md\\) \\| [^|]+ \\| (\\w+) \\| ([\\w ]+) \\|$");
  private static final Pattern FAMILY =
      Pattern.compile("(?m)^\\| `(\\w+)` \\| ([\\w ]+) \\| (.*?) \\|");
  private static final Pattern BY = Pattern.compile("\\bby \\(([^)]*)\\)(?: \\(\"(\\w+)\")?");
  private static final Pattern LINE = Pattern.compile("(?m)^culvert [^\n]*|`culvert [^`.]*`");

  /** Labels that Prometheus gives to each series of a target. */
  private static final Set<String> OF_TARGET = Set.of("cluster", "instance", "job");

  @TempDir Path folder;

  private static Set<String> names(String field) throws IOException {
    return OperatorFiles.rules(field).stream()
        .map(rule -> rule.path(field).asText())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void eachAlertHasASeverityTextsAndARunbookWithFourHeadings() throws IOException {
    List<JsonNode> alerts = OperatorFiles.rules("alert");
    assertTrue(alerts.size() > 20, () -> "only " + alerts.size());
    for (JsonNode alert : alerts) {
      String name = alert.path("alert").asText();
      String severity = alert.path("labels").path("severity").asText();
      assertTrue(List.of("critical", "warning", "info").contains(severity), name);
      JsonNode texts = alert.path("annotations");
      assertTrue(texts.path("summary").asText().length() > 20, name);
      assertTrue(texts.path("description").asText().length() > 20, name);
      String url = texts.path("runbook_url").asText();
      assertEquals("docs/runbooks/" + name + ".md", url);
      String runbook = Files.readString(OperatorFiles.ROOT.resolve(url));
      assertTrue(runbook.startsWith("# " + name + "\n"), name);
      assertEquals(
          List.of("Meaning", "Impact", "Diagnosis", "Mitigation"),
          HEADING.matcher(runbook).results().map(m -> m.group(1)).toList(),
          name);
    }
  }

  @Test
  void theIndexOfRunbooksHasEachAlertAndNothingElse() throws IOException {
    String index = Files.readString(OperatorFiles.RUNBOOKS.resolve("README.md"));
    List<String> said =
        INDEX
            .matcher(index)
            .results()
            .map(m -> String.join(" ", m.group(1), m.group(2), m.group(3), m.group(4)))
            .toList();
    List<String> expected = new ArrayList<>();
    for (JsonNode alert : OperatorFiles.rules("alert")) {
      String name = alert.path("alert").asText();
      String severity = alert.path("labels").path("severity").asText();
      expected.add(String.join(" ", name, name, severity, alert.path("for").asText("at once")));
    }
    assertEquals(expected, said);
    assertEquals(
        names("alert"),
        OperatorFiles.runbooks().stream()
            .map(file -> file.getFileName().toString().replace(".md", ""))
            .collect(Collectors.toCollection(TreeSet::new)));
  }

  @Test
  void eachAlertHasACaseThatFiresAndOneThatIsSilent() throws IOException {
    Set<String> fires = new TreeSet<>();
    Set<String> silent = new TreeSet<>();
    for (JsonNode test : OperatorFiles.yaml(OperatorFiles.CASES).path("tests")) {
      for (JsonNode step : test.path("alert_rule_test")) {
        boolean empty = step.path("exp_alerts").isEmpty();
        (empty ? silent : fires).add(step.path("alertname").asText());
      }
    }
    assertEquals(names("alert"), fires);
    assertEquals(names("alert"), silent);
  }

  /** The families by name, with their labels; docs/metrics.md is made from the list in the code. */
  private static Map<String, Set<String>> families() throws IOException {
    Map<String, Set<String>> families = new HashMap<>();
    String page = Files.readString(OperatorFiles.ROOT.resolve("docs/metrics.md"));
    FAMILY.matcher(page).results().forEach(row -> addFamily(families, row));
    assertTrue(families.size() > 35, () -> "only " + families.keySet());
    for (String process :
        List.of(
            "up",
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_start_time_seconds",
            "jvm_gc_collection_seconds_sum")) {
      families.put(process, Set.of());
    }
    return families;
  }

  private static void addFamily(Map<String, Set<String>> families, MatchResult row) {
    Set<String> labels = Set.of(row.group(3).replace("`", "").split(", ", -1));
    List<String> endings =
        switch (row.group(2)) {
          case "summary" -> List.of("_sum", "_count");
          case "gauge histogram" -> List.of("_bucket", "_gsum", "_gcount");
          default -> List.of("");
        };
    for (String ending : endings) {
      Set<String> all = new HashSet<>(labels);
      if (ending.equals("_bucket")) {
        all.add("le");
      }
      families.put(row.group(1) + ending, all);
    }
  }

  /** The recording rules by name, with the labels that they keep. */
  private static Map<String, Set<String>> sums() throws IOException {
    Map<String, Set<String>> sums = new HashMap<>();
    for (JsonNode rule : OperatorFiles.rules("record")) {
      MatchResult by = BY.matcher(rule.path("expr").asText()).results().findFirst().orElseThrow();
      Set<String> labels = new HashSet<>(Arrays.asList(by.group(1).split(", ", -1)));
      if (by.group(2) != null) {
        labels.add(by.group(2));
      }
      sums.put(rule.path("record").asText(), labels);
    }
    return sums;
  }

  private static List<String> unknown(String expression, Map<String, Set<String>> known) {
    List<String> unknown = new ArrayList<>();
    PromQl parts = PromQl.of(expression);
    assertTrue(!parts.selectors().isEmpty(), expression);
    Set<String> together = new HashSet<>(OF_TARGET);
    for (PromQl.Selector selector : parts.selectors()) {
      Set<String> labels = new HashSet<>(OF_TARGET);
      labels.addAll(known.getOrDefault(selector.name(), Set.of()));
      together.addAll(labels);
      if (!known.containsKey(selector.name())) {
        unknown.add(selector.name() + " in " + expression);
      }
      selector
          .matchers()
          .forEach(
              (label, value) -> {
                if (!labels.contains(label) || !exists(selector.name(), label, value)) {
                  unknown.add(label + "=" + value + " in " + expression);
                }
              });
    }
    parts.grouping().stream()
        .filter(label -> !together.contains(label))
        .forEach(label -> unknown.add(label + " in " + expression));
    return unknown;
  }

  /** Whether a label that has an enum of ours for its values has this one. */
  private static boolean exists(String name, String label, String value) {
    boolean offload = name.equals("culvert_offload_enabled");
    Set<String> values =
        switch (offload ? "offload " + label : label) {
          case "offload kind" ->
              Arrays.stream(Offload.values()).map(Offload::label).collect(Collectors.toSet());
          case "offload reason" ->
              Arrays.stream(Offload.State.values())
                  .map(Offload.State::reason)
                  .collect(Collectors.toSet());
          case "reason" ->
              Arrays.stream(DropReason.values()).map(DropReason::label).collect(Collectors.toSet());
          case "state" ->
              Arrays.stream(PeerState.values()).map(PeerState::label).collect(Collectors.toSet());
          default -> Set.of(value.split("\\|", -1));
        };
    return values.containsAll(List.of(value.split("\\|", -1)));
  }

  @Test
  void eachNameAndLabelOfTheRulesExists() throws IOException {
    List<String> unknown = new ArrayList<>();
    for (String field : List.of("alert", "record")) {
      for (JsonNode rule : OperatorFiles.rules(field)) {
        unknown.addAll(unknown(rule.path("expr").asText(), families()));
      }
    }
    assertEquals(List.of(), unknown);
  }

  @Test
  void eachNameAndLabelOfTheBoardExists() throws IOException {
    Map<String, Set<String>> known = new HashMap<>(families());
    known.putAll(sums());
    List<String> unknown = new ArrayList<>();
    for (Query query : OperatorFiles.queries()) {
      unknown.addAll(unknown(query.expression(), known));
    }
    assertEquals(List.of(), unknown);
  }

  @Test
  void namesThatDoNotExistAreFound() throws IOException {
    Map<String, Set<String>> known = families();
    for (String wrong :
        List.of(
            "culvert_peer{state=\"stale\"} > 0",
            "culvert_peers{state=\"dead\"} > 0",
            "culvert_peers{kind=\"stale\"} > 0",
            "sum by (kind) (culvert_peers)",
            "rate(culvert_drops_total{reason=~\"bad_tag|bad_tags\"}[5m]) > 1")) {
      assertFalse(unknown(wrong, known).isEmpty(), wrong);
    }
  }

  @Test
  void theBoardReadsSumsAloneUnlessANodeIsChosen() throws IOException {
    Set<String> used = new TreeSet<>();
    for (Query query : OperatorFiles.queries()) {
      boolean node = query.row().startsWith(OperatorFiles.NODE_ROW);
      for (PromQl.Selector selector : PromQl.of(query.expression()).selectors()) {
        assertEquals(!node, selector.name().startsWith("culvert:"), query::toString);
        used.add(selector.name());
        if (node) {
          assertEquals("$node", selector.matchers().get("instance"), query::toString);
        }
      }
    }
    Set<String> idle = names("record");
    idle.removeAll(used);
    assertEquals(Set.of(), idle, "recorded, and on no panel");
  }

  @Test
  void theBoardNeedsNoPluginAndTakesItsDataFromTheSourceThatIsChosen() throws IOException {
    JsonNode board = OperatorFiles.board();
    assertEquals("culvert", board.path("uid").asText());
    Set<Integer> ids = new HashSet<>();
    List<JsonNode> panels = new ArrayList<>();
    for (JsonNode panel : board.path("panels")) {
      panels.add(panel);
      panel.path("panels").forEach(panels::add);
    }
    for (JsonNode panel : panels) {
      assertTrue(ids.add(panel.path("id").asInt()), () -> "id of " + panel);
      String type = panel.path("type").asText();
      assertTrue(List.of("row", "stat", "timeseries", "heatmap", "table").contains(type), type);
      if (!type.equals("row")) {
        assertEquals("${datasource}", panel.path("datasource").path("uid").asText());
        assertTrue(!panel.path("description").asText().isEmpty(), () -> "text of " + panel);
        panel
            .path("targets")
            .forEach(t -> assertEquals("${datasource}", t.path("datasource").path("uid").asText()));
      }
    }
    List<String> variables = new ArrayList<>();
    board.path("templating").path("list").forEach(v -> variables.add(v.path("name").asText()));
    assertEquals(List.of("datasource", "cluster", "interface", "node"), variables);
  }

  @Test
  void commandsInRunbooksExist() throws IOException {
    CommandLine culvert =
        RootCommand.commandLine(
            FakeMachine.in(folder, new FakeTunnels(), new FakeNetwork()), false);
    int found = 0;
    for (Path runbook : OperatorFiles.runbooks()) {
      for (MatchResult line : LINE.matcher(Files.readString(runbook)).results().toList()) {
        String command = line.group().replace("`", "").replaceFirst("\\s+#.*", "");
        String[] words = command.split("\\s+", -1);
        try {
          culvert.parseArgs(Arrays.copyOfRange(words, 1, words.length));
        } catch (ParameterException e) {
          throw new AssertionError(runbook + ": " + command + ": " + e.getMessage(), e);
        }
        found++;
      }
    }
    assertTrue(found > 60, "too few to be all: " + found);
  }

  private static void promtool(String... arguments) {
    Requirements.tool("promtool");
    List<String> command = new ArrayList<>(List.of("promtool"));
    command.addAll(List.of(arguments));
    Commands.Result result = Commands.attempt(Duration.ofMinutes(2), Map.of(), command);
    assertTrue(result.succeeded(), () -> result.out() + result.err());
  }

  @Test
  @Tag("integration")
  void promtoolAcceptsTheRules() {
    promtool("check", "rules", OperatorFiles.RULES.toString());
  }

  @Test
  @Tag("integration")
  void alertsFireAndAreSilentAsTheCasesSay() {
    promtool("test", "rules", OperatorFiles.CASES.toString());
  }

  @Test
  @Tag("integration")
  void eachQueryOfTheBoardCanBeParsed() throws IOException {
    StringBuilder rules = new StringBuilder("groups:\n  - name: board\n    rules:\n");
    int number = 0;
    for (Query query : OperatorFiles.queries()) {
      rules.append("      - record: query").append(number++).append('\n');
      rules.append("        expr: '").append(query.asked("a").replace("'", "''")).append("'\n");
    }
    promtool("check", "rules", Files.writeString(folder.resolve("board.yaml"), rules).toString());
  }
}
