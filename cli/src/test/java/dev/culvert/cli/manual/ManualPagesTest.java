// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.manual;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.RootCommand;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Each command has a page with all its words, and no word of it can be taken for a macro. */
final class ManualPagesTest {
  private static final Set<String> MACROS =
      Set.of(".TH", ".SH", ".PP", ".TP", ".nf", ".fi", ".nh", ".ad");

  @TempDir private Path folder;
  private CommandLine root;
  private Map<String, String> pages;

  @BeforeEach
  void make() {
    root =
        RootCommand.commandLine(
            FakeMachine.in(folder, new FakeTunnels(), new FakeNetwork()), false);
    pages = ManualPages.of(root, "2026-11-20");
  }

  private static List<CommandSpec> all(CommandLine command) {
    List<CommandSpec> all = new ArrayList<>(List.of(command.getCommandSpec()));
    command.getSubcommands().values().forEach(sub -> all.addAll(all(sub)));
    return all;
  }

  @Test
  void eachCommandHasAPageWithItsOptions() {
    List<CommandSpec> commands = all(root);
    assertTrue(commands.size() > 25, "too few to be all: " + commands.size());
    assertEquals(commands.size(), pages.size());
    for (CommandSpec command : commands) {
      String page = Objects.requireNonNull(pages.get(command.qualifiedName("-") + ".8"));
      assertTrue(page.startsWith(".TH CULVERT"), page);
      assertTrue(page.contains(".SH NAME\n" + Roff.escaped(command.qualifiedName("-"))), page);
      for (CommandLine.Model.OptionSpec option : command.options()) {
        assertTrue(page.contains(Roff.bold(option.longestName())), page);
      }
    }
  }

  @Test
  void theFirstPageNamesTheOthers() {
    String first = Objects.requireNonNull(pages.get("culvert.8"));
    for (String command : root.getSubcommands().keySet()) {
      assertTrue(first.contains(".TP\n" + Roff.bold("culvert-" + command) + "(8)\n"), first);
    }
    assertTrue(first.contains(".SH EXIT STATUS\n.TP\n\\fB0\\fR\ndone\n"), first);
    assertTrue(first.contains(".SH ENVIRONMENT\n.nf\n"), first);
    assertTrue(first.contains("LOG_LEVEL"), first);
  }

  @Test
  void noLineIsAMacroByAccident() {
    for (Map.Entry<String, String> page : pages.entrySet()) {
      for (String line : page.getValue().split("\n", -1)) {
        assertTrue(
            !(line.startsWith(".") || line.startsWith("'"))
                || MACROS.contains(line.split(" ", 2)[0]),
            page.getKey() + ": " + line);
        assertFalse(line.contains("%n") || line.contains("@|"), page.getKey() + ": " + line);
      }
    }
  }

  @Command(
      name = "try",
      version = "culvert 9",
      description = {".start of a line. And more.", "100%% of 'a\\b', ~x%nnext"})
  private static final class Odd implements Runnable {
    @Option(
        names = {"-o", "--odd-one"},
        paramLabel = "N",
        description = "'quoted' first.")
    private int odd;

    @Option(names = "--secret-one", hidden = true)
    private boolean hidden;

    @Parameters(paramLabel = "FILE", description = "")
    private String file;

    @Override
    public void run() {
      throw new IllegalStateException("not meant to run: " + odd + hidden + file);
    }
  }

  @Test
  void oddCharactersStayWhatTheyAre() {
    String page = ManualPages.of(new CommandLine(new Odd()), "2026-11-20").get("try.8");
    assertEquals(
        """
        .TH TRY 8 "2026\\-11\\-20" "Culvert 9" "Culvert"
        .nh
        .ad l
        .SH NAME
        try \\- .start of a line
        .SH SYNOPSIS
        .nf
        try [\\-o=N] FILE
        .fi
        .SH DESCRIPTION
        .PP
        \\&.start of a line. And more.
        .PP
        100% of \\(aqa\\eb\\(aq, \\(tix
        next
        .SH ARGUMENTS
        .TP
        \\fIFILE\\fR
        \\&\s
        .SH OPTIONS
        .TP
        \\fB\\-o\\fR, \\fB\\-\\-odd\\-one\\fR=\\fIN\\fR
        \\&\\(aqquoted\\(aq first.
        .SH FILES
        """,
        Objects.requireNonNull(page).split("(?<=\\.SH FILES\n)", 2)[0]);
  }
}
