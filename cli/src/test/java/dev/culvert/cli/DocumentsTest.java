// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Files, headings and tests that the documents refer to exist. */
class DocumentsTest {
  private static final Path ROOT = Path.of("..");
  private static final Pattern LINK =
      Pattern.compile("\\]\\((?!https?:|mailto:)([^)#\\s]*)(?:#([^)\\s]*))?\\)");
  private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.*)$");
  private static final Pattern TEST_CLASS = Pattern.compile("`([A-Z]\\w*Test)\\b");

  @Test
  void relativeLinksLeadToFilesAndHeadings() throws IOException {
    List<String> dead = new ArrayList<>();
    eachMatch(
        LINK,
        (file, link) -> {
          Path target =
              link.group(1).isEmpty() ? file : file.resolveSibling(link.group(1)).normalize();
          String heading = link.group(2);
          if (!Files.exists(target) || (heading != null && !anchors(target).contains(heading))) {
            dead.add(ROOT.relativize(file) + ": " + link.group());
          }
        });
    assertEquals(List.of(), dead);
  }

  @Test
  void testsThatAreNamedExist() throws IOException {
    Set<String> tests =
        files("Test.java").map(file -> file.getFileName().toString()).collect(Collectors.toSet());
    List<String> missing = new ArrayList<>();
    eachMatch(
        TEST_CLASS,
        (file, name) -> {
          if (!tests.contains(name.group(1) + ".java")) {
            missing.add(ROOT.relativize(file) + ": " + name.group(1));
          }
        });
    assertEquals(List.of(), missing);
  }

  private static void eachMatch(Pattern pattern, BiConsumer<Path, Matcher> action)
      throws IOException {
    int found = 0;
    for (Path file : files(".md").toList()) {
      Matcher matcher = pattern.matcher(Files.readString(file));
      while (matcher.find()) {
        found++;
        action.accept(file, matcher);
      }
    }
    assertTrue(found > 50, "too few to be all: " + found);
  }

  /** As GitHub makes them of headings. */
  private static Set<String> anchors(Path document) {
    String text;
    try {
      text = Files.readString(document);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return HEADING
        .matcher(text)
        .results()
        .map(
            m -> m.group(1).toLowerCase(Locale.ROOT).replaceAll("[^\\w\\- ]", "").replace(' ', '-'))
        .collect(Collectors.toSet());
  }

  private static Stream<Path> files(String suffix) throws IOException {
    try (Stream<Path> files = Files.walk(ROOT)) {
      return files
          .filter(file -> file.toString().endsWith(suffix))
          .filter(file -> !file.toString().contains("/target/"))
          .toList()
          .stream();
    }
  }
}
