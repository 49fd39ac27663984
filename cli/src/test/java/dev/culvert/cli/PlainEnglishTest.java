// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Comments say "if" and "when" for conditions; "where" is for places. */
class PlainEnglishTest {
  private static final Path ROOT = Path.of("..");
  private static final Pattern COMMENT = Pattern.compile("/\\*.*?\\*/|//[^\n]*", Pattern.DOTALL);
  private static final Pattern CONDITIONAL_WHERE =
      Pattern.compile(
          "(?:@throws \\w+|\\b(?:null|true|false|also|even|nothing|none|only|or [01])|-1),? where\\b"
              + "|\\blikewise\\b",
          Pattern.CASE_INSENSITIVE);

  @Test
  void commentsSayIfAndWhenForConditions() throws IOException {
    List<String> found = new ArrayList<>();
    for (Path file : mainSources()) {
      Matcher comment = COMMENT.matcher(Files.readString(file));
      while (comment.find()) {
        String text = comment.group().replaceAll("\\s*\n\\s*(?:\\*|//)?\\s*", " ");
        CONDITIONAL_WHERE.matcher(text).results().forEach(m -> found.add(file + ": " + m.group()));
      }
    }
    assertEquals(List.of(), found);
  }

  private static List<Path> mainSources() throws IOException {
    try (Stream<Path> files = Files.walk(ROOT)) {
      List<Path> sources =
          files
              .filter(file -> file.toString().endsWith(".java"))
              .filter(file -> file.toString().contains("/src/main/java/"))
              .toList();
      assertEquals(true, sources.size() > 100, "the main sources are not where they should be");
      return sources;
    }
  }
}
