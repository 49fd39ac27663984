// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.manual;

import static dev.culvert.cli.manual.Roff.bold;
import static dev.culvert.cli.manual.Roff.escaped;
import static dev.culvert.cli.manual.Roff.italic;

import dev.culvert.cli.RootCommand;
import dev.culvert.daemon.Machine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/** One page for each command, from the same words that {@code --help} prints. */
public final class ManualPages {
  private static final String FILES =
      """
      /etc/culvert        configurations, as NAME.yaml for the unit culvert@NAME
      /var/lib/culvert    keys, timestamps and sequence numbers
      /run/culvert        sockets, and notes of the guard that stands
      """;

  private final String date;
  private final String version;

  private ManualPages(String date, String version) {
    this.date = date;
    this.version = version;
  }

  /**
   * Writes all pages.
   *
   * @param arguments the folder that they are written into, and their date, as in 2026-11-20
   */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 2) {
      System.err.println("usage: ManualPages FOLDER DATE");
      System.exit(2);
    }
    Path folder = Files.createDirectories(Path.of(arguments[0]));
    CommandLine root = RootCommand.commandLine(Machine.local(), false);
    for (Map.Entry<String, String> page : of(root, arguments[1]).entrySet()) {
      Files.writeString(folder.resolve(page.getKey()), page.getValue());
    }
  }

  /**
   * The pages by their file names, as in {@code culvert-key-gen.8}.
   *
   * @param date as in {@code 2026-11-20}
   */
  static SortedMap<String, String> of(CommandLine root, String date) {
    String version = root.getCommandSpec().version()[0].replaceFirst("culvert", "Culvert");
    SortedMap<String, String> pages = new TreeMap<>();
    new ManualPages(date, version).add(root, pages);
    return pages;
  }

  private void add(CommandLine command, SortedMap<String, String> pages) {
    pages.put(name(command.getCommandSpec()) + ".8", page(command));
    subcommands(command).forEach(sub -> add(sub, pages));
  }

  /** The commands below, without those that are hidden. */
  private static List<CommandLine> subcommands(CommandLine command) {
    return command.getSubcommands().values().stream()
        .distinct()
        .filter(sub -> !sub.getCommandSpec().usageMessage().hidden())
        .toList();
  }

  private static String name(CommandSpec spec) {
    return spec.qualifiedName("-");
  }

  private String page(CommandLine command) {
    CommandSpec spec = command.getCommandSpec();
    UsageMessageSpec usage = spec.usageMessage();
    List<String> description = paragraphs(usage.description());
    Roff page = new Roff(name(spec), date, version);
    page.section("Name");
    page.marked(escaped(name(spec)) + " \\- " + escaped(summary(description)));
    page.section("Synopsis");
    page.verbatim(new Help(spec, Help.defaultColorScheme(Help.Ansi.OFF)).synopsis(0).strip());
    page.section("Description");
    description.forEach(page::paragraph);
    arguments(page, spec);
    List<CommandLine> below = subcommands(command);
    if (!below.isEmpty()) {
      page.section("Commands");
      for (CommandLine sub : below) {
        CommandSpec of = sub.getCommandSpec();
        page.entry(bold(name(of)) + "(8)", summary(paragraphs(of.usageMessage().description())));
      }
    }
    if (!usage.exitCodeList().isEmpty()) {
      page.section("Exit status");
      usage.exitCodeList().forEach((code, meaning) -> page.entry(bold(code), plain(meaning)));
    }
    if (usage.footer().length > 0) {
      page.section(usage.footerHeading().replace("%n", "").replace(":", ""));
      page.verbatim(String.join("\n", usage.footer()));
    }
    if (spec.parent() == null) {
      page.section("Files").verbatim(FILES);
    } else {
      page.section("See also").marked(bold(name(spec.parent())) + "(8)");
    }
    return page.toString();
  }

  private static void arguments(Roff page, CommandSpec spec) {
    List<PositionalParamSpec> parameters =
        spec.positionalParameters().stream().filter(parameter -> !parameter.hidden()).toList();
    if (!parameters.isEmpty()) {
      page.section("Arguments");
      parameters.forEach(parameter -> page.entry(italic(parameter.paramLabel()), text(parameter)));
    }
    List<OptionSpec> options = spec.options().stream().filter(option -> !option.hidden()).toList();
    if (!options.isEmpty()) {
      page.section("Options");
      options.forEach(option -> page.entry(term(option), text(option)));
    }
  }

  private static String term(OptionSpec option) {
    String names = Arrays.stream(option.names()).map(Roff::bold).collect(Collectors.joining(", "));
    boolean valued = option.arity().max() > 0;
    return valued ? names + "=" + italic(option.paramLabel()) : names;
  }

  private static String text(ArgSpec argument) {
    return String.join("\n", paragraphs(argument.description()));
  }

  private static List<String> paragraphs(String[] description) {
    return Arrays.stream(description).map(ManualPages::plain).toList();
  }

  /** The description's text; picocli formats it before it prints it. */
  private static String plain(String text) {
    return text.replace("%n", "\n").replace("%%", "%");
  }

  /** The first sentence, without its full stop, on one line, as whatis(1) shows it. */
  private static String summary(List<String> description) {
    String first = description.isEmpty() ? "" : description.getFirst().replace('\n', ' ');
    int end = first.indexOf(". ");
    String sentence = end < 0 ? first : first.substring(0, end);
    return sentence.endsWith(".") ? sentence.substring(0, sentence.length() - 1) : sentence;
  }
}
