// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import dev.culvert.tunnel.engine.DropReason;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.AnnotatedElement;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;

/**
 * The reference pages name each drop reason, command, setting and variable that the program has,
 * and no other.
 */
final class ReferenceTest {
  private static final Path DOCUMENTS = Path.of("../docs");
  private static final Path COMMANDS = DOCUMENTS.resolve("commands.md");

  /** The code in a cell, such as a command with its arguments. */
  private static final Pattern CODE = Pattern.compile("`([^`]+)`");

  private static final Pattern FENCE = Pattern.compile("(?s)```.*?```");

  private static final Pattern VARIABLE =
      Pattern.compile("getenv\\(\"([A-Z_]+)\"\\)|\\$\\{env:([A-Z_]+)(?::-[^}]*)?\\}");

  /** Of the system and of Kubernetes, which no user sets for Culvert. */
  private static final Set<String> FOREIGN =
      Set.of("PATH", "JOURNAL_STREAM", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT");

  /** Commands with a section of their own, or that are explained beside another one. */
  private static final Set<String> IN_PROSE = Set.of("wg", "lab", "completion");

  @TempDir private Path folder;
  private CommandLine root;

  @BeforeEach
  void commands() {
    root =
        RootCommand.commandLine(
            FakeMachine.in(folder, new FakeTunnels(), new FakeNetwork()), false);
  }

  /** The rows of the tables in a section: the cells by the code in the first one. */
  private static Map<String, String[]> rows(Path page, String heading) throws IOException {
    String text = Files.readString(page);
    int start = text.indexOf("\n## " + heading + "\n");
    assertTrue(start >= 0, heading);
    int end = text.indexOf("\n## ", start + 1);
    Map<String, String[]> rows = new LinkedHashMap<>();
    for (String line : text.substring(start, end < 0 ? text.length() : end).split("\n", -1)) {
      String[] cells = line.replace("\\|", "/").split(" *\\| *", -1);
      if (line.startsWith("| `")) {
        CODE.matcher(cells[1]).results().forEach(code -> rows.put(code.group(1), cells));
      }
    }
    assertTrue(!rows.isEmpty(), heading);
    return rows;
  }

  @Test
  void eachDropReasonHasARowWithDirectionMeaningAndRemedy() throws IOException {
    Map<String, String> documented = new TreeMap<>();
    for (Map.Entry<String, String[]> row : rows(COMMANDS, "Drop reasons").entrySet()) {
      String[] cells = row.getValue();
      documented.put(row.getKey(), cells[2]);
      assertTrue(!cells[3].isBlank() && !cells[4].isBlank(), row::getKey);
    }
    assertEquals(
        Arrays.stream(DropReason.values())
            .collect(
                Collectors.toMap(
                    DropReason::label, r -> r.direction().label(), (a, b) -> a, TreeMap::new)),
        documented);
  }

  /** The names of all commands, as in {@code key gen}, without those that only group others. */
  private static Stream<String> names(CommandLine command, String prefix) {
    return command.getSubcommands().entrySet().stream()
        .flatMap(
            entry -> {
              CommandLine sub = entry.getValue();
              String name = prefix + entry.getKey();
              Stream<String> inner = names(sub, name + " ");
              boolean group = name.equals("key");
              return group ? inner : Stream.concat(Stream.of(name), inner);
            });
  }

  @Test
  void eachCommandIsOnThePageOfCommands() throws IOException {
    String page = FENCE.matcher(Files.readString(COMMANDS)).replaceAll("");
    List<String> inTables =
        page.lines()
            .filter(line -> line.startsWith("| `"))
            .flatMap(line -> codes(line.replace("\\|", "/").split("\\|", -1)[1]))
            .toList();
    for (String name : names(root, "").toList()) {
      List<String> places = IN_PROSE.contains(name) ? codes(page).toList() : inTables;
      assertTrue(
          places.stream().anyMatch(code -> code.equals(name) || code.startsWith(name + " ")),
          "docs/commands.md does not name '" + name + "'");
    }
  }

  private static Stream<String> codes(String text) {
    return CODE.matcher(text)
        .results()
        .map(code -> code.group(1).replaceFirst("^source <\\(culvert ", ""));
  }

  @Test
  void thePageOfCommandsHasNoOtherCommandAndNoOtherOption() throws IOException {
    for (String section :
        new String[] {"Running a gateway", "Looking at a gateway", "Keys", "Captures", "Version"}) {
      for (Map.Entry<String, String[]> row : rows(COMMANDS, section).entrySet()) {
        String code = row.getKey();
        // An option by itself belongs to the command at the start of the cell.
        CommandLine command = root;
        for (String word : row.getValue()[1].split("[^a-z-]+", -1)) {
          CommandLine next = command.getSubcommands().get(word);
          command = next == null ? command : next;
        }
        CommandLine found = command;
        assertTrue(found != root, code);
        Pattern.compile("--[a-z-]+")
            .matcher(code)
            .results()
            .forEach(
                option ->
                    assertTrue(
                        found.getCommandSpec().findOption(option.group()) != null,
                        code + ": no option " + option.group()));
      }
    }
  }

  @Test
  void eachSettingInAClusterHasARowWithItsVariable() throws IOException {
    assertEquals(settings("up"), documentedSettings("kubernetes.md"));
    assertEquals(settings("registrar"), documentedSettings("registrar.md"));
  }

  private static Map<String, String> documentedSettings(String page) throws IOException {
    Map<String, String> documented = new TreeMap<>();
    rows(DOCUMENTS.resolve(page), "Settings")
        .forEach((option, cells) -> documented.put(option, cells[2].replaceAll("[` ]|,.*", "")));
    return documented;
  }

  /** The options of a command that a variable can stand for. */
  private Map<String, String> settings(String name) {
    Map<String, String> settings = new TreeMap<>();
    CommandLine command = Objects.requireNonNull(root.getSubcommands().get(name));
    for (OptionSpec option : command.getCommandSpec().options()) {
      Option declared =
          option.userObject() instanceof AnnotatedElement field
              ? field.getAnnotation(Option.class)
              : null;
      if (declared != null && declared.defaultValue().startsWith("${env:CULVERT_")) {
        String variable = declared.defaultValue().replaceAll("[${}]|env:|:-.*", "");
        settings.put(option.longestName(), variable);
      }
    }
    return settings;
  }

  @Test
  void eachVariableOfTheEnvironmentIsOnAPage() throws IOException {
    String pages;
    try (Stream<Path> files = Files.list(DOCUMENTS)) {
      pages =
          files
              .filter(file -> file.toString().endsWith(".md"))
              .map(ReferenceTest::read)
              .collect(Collectors.joining());
    }
    Set<String> missing = new TreeSet<>();
    try (Stream<Path> files = Files.walk(Path.of(".."))) {
      files
          .filter(file -> file.toString().matches(".*/src/main/java/.*\\.java"))
          .forEach(
              file ->
                  VARIABLE
                      .matcher(read(file))
                      .results()
                      .map(found -> found.group(1) == null ? found.group(2) : found.group(1))
                      .filter(name -> !FOREIGN.contains(name) && !pages.contains("`" + name + "`"))
                      .forEach(missing::add));
    }
    assertEquals(Set.of(), missing);
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
