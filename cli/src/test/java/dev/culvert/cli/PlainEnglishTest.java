// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Holds the rules of CONTRIBUTING for English that a machine can check, in every comment, message
 * and document: conditions begin with "if" or "when", things have names, rates are "per".
 */
class PlainEnglishTest {
  private static final Path ROOT = Path.of("..");

  /** Comments, and the literals that become messages; a literal may hold the start of a comment. */
  private static final Pattern OF_JAVA =
      Pattern.compile(
          "\"\"\"(?s:.*?)\"\"\"|\"(?:\\\\.|[^\"\\\\\n])*\"|'(?:\\\\.|[^'\\\\\n])+'"
              + "|/\\*(?s:.*?)\\*/|//[^\n]*");

  /** Comments, and the text of {@code --help}. */
  private static final Pattern OF_SCRIPT =
      Pattern.compile("(?m)(?:^|\\s)#[^\n]*|<<'TEXT'\n(?s:.*?)\nTEXT$");

  private static final Pattern OF_PYTHON =
      Pattern.compile("\"\"\"(?s:.*?)\"\"\"|\"[^\"\n]*\"|" + OF_SCRIPT.pattern());

  /** Of Helm. */
  private static final Pattern OF_TEMPLATE =
      Pattern.compile("\\{\\{-? ?/\\*(?s:.*?)\\*/|\"(?:\\\\.|[^\"\n])*\"|" + OF_SCRIPT.pattern());

  /** The text without headings, the rules' own examples, code, and the targets of links. */
  private static final Pattern NOT_PROSE =
      Pattern.compile(
          "(?m)^#.*$|^\\| .*\"what\".*$|^\\| .*\"where\".*$"
              + "|^\\| .*Likewise.*$|^\\| \"per\".*$|(?s:```.*?```)|`[^`\n]*`|\\]\\([^)\n]*\\)");

  private static final Pattern CONDITIONAL_WHERE =
      Pattern.compile(
          "(?:@throws \\w+|\\b(?:null|true|false|also|even|nothing|none|only|or [01])|-1),? where\\b"
              + "|(?:^|[.:;] |, and )where [^.:;?]*,",
          Pattern.CASE_INSENSITIVE);

  /** As a noun; a question may begin with it. */
  private static final Pattern NAMELESS =
      Pattern.compile("\\bwhat\\b(?![^.:;!]*\\?)", Pattern.CASE_INSENSITIVE);

  private static final Pattern LIKEWISE =
      Pattern.compile("\\blikewise\\b", Pattern.CASE_INSENSITIVE);

  private static final Pattern RATE =
      Pattern.compile(
          "\\b(?:(?:nano|micro|milli)seconds|ns|(?:one|\\d[\\d,.]*) \\w+) an?"
              + " (?:second|packet|train|batch|message|datagram|lane|peer|node|pod|run|reason|direction)\\b",
          Pattern.CASE_INSENSITIVE);

  private static final List<Pattern> RULES = List.of(CONDITIONAL_WHERE, NAMELESS, LIKEWISE, RATE);

  @Test
  void everythingThatIsReadFollowsTheRulesForEnglish() throws IOException {
    List<String> found = new ArrayList<>();
    for (Path file : sources()) {
      for (String text : prose(file)) {
        for (Pattern rule : RULES) {
          rule.matcher(text)
              .results()
              .forEach(m -> found.add(ROOT.relativize(file) + ": " + around(text, m.start())));
        }
      }
    }
    assertTrue(found.isEmpty(), () -> found.size() + "\n" + String.join("\n", found));
  }

  @Test
  void theRulesFindTheirOwnExamples() {
    for (String bad :
        List.of(
            "null where there is none",
            "Where a gateway runs, this shows it",
            "the packets stop; where one passes, it is counted",
            "What passes is counted",
            "says what the guard lets through",
            "Likewise for lanes",
            "one call a train",
            "12 ns a packet")) {
      assertTrue(RULES.stream().anyMatch(rule -> rule.matcher(bad).find()), bad);
    }
    for (String good :
        List.of(
            "What would happen to this packet?",
            "the place where it was",
            "Where this end sends from.",
            "whatever the network says",
            "one call per train",
            "calls a peer by its name")) {
      assertTrue(RULES.stream().noneMatch(rule -> rule.matcher(good).find()), good);
    }
  }

  private static List<String> prose(Path file) throws IOException {
    String text = Files.readString(file);
    String name = file.getFileName().toString();
    if (name.endsWith(".md") || name.endsWith("NOTES.txt")) {
      return List.of(onOneLine(NOT_PROSE.matcher(text).replaceAll("-")));
    }
    return partsOf(name).matcher(text).results().map(m -> onOneLine(m.group())).toList();
  }

  private static Pattern partsOf(String name) {
    if (name.endsWith(".java") || name.endsWith(".c")) {
      return OF_JAVA;
    }
    if (name.endsWith(".py")
        || List.of("side-by-side", "hot-restart", "guard-figures", "scrape-figures")
            .contains(name)) {
      return OF_PYTHON;
    }
    return name.endsWith(".tpl") ? OF_TEMPLATE : OF_SCRIPT;
  }

  private static String onOneLine(String text) {
    return text.replaceAll("\\s*\n\\s*(?:\\*|//|#)?\\s*", " ")
        .replaceFirst("^(?:/\\*\\*?|//|#|\")\\s*", "");
  }

  private static String around(String text, int at) {
    return text.substring(Math.max(0, at - 30), Math.min(text.length(), at + 60));
  }

  private static List<Path> sources() throws IOException {
    List<String> scripts =
        List.of(
            "culvert",
            "culvert-wg",
            "run-tests",
            "deb-build",
            "image-build",
            "chart-build",
            "control-plane-build",
            "release",
            "sbom",
            "postinst",
            "prerm",
            "postrm",
            "side-by-side",
            "jmh",
            "cluster-figures",
            "scale-figures",
            "scrape-figures",
            "guard-figures",
            "hot-restart");
    try (Stream<Path> files = Files.walk(ROOT)) {
      List<Path> sources =
          files
              .filter(
                  file ->
                      !file.toString().contains("/target/") && !file.toString().contains("/.git/"))
              .filter(file -> Files.isRegularFile(file) && !file.endsWith("PlainEnglishTest.java"))
              .filter(
                  file ->
                      file.toString().matches(".*\\.(java|md|yaml|service|sh|py|c|tpl)")
                          || file.endsWith("NOTES.txt")
                          || scripts.contains(file.getFileName().toString()))
              .toList();
      assertTrue(sources.size() > 900, () -> "only " + sources.size() + " files were found");
      return sources;
    }
  }
}
