// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.DocumentLinks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Files, headings and tests that the documents refer to exist. */
class DocumentsTest {
  private static final Path ROOT = Path.of("..");
  private static final Pattern TEST_CLASS = Pattern.compile("`([A-Z]\\w*Test)\\b");

  @Test
  void relativeLinksLeadToFilesAndHeadings() throws IOException {
    assertEquals(List.of(), DocumentLinks.dead(ROOT));
  }

  @Test
  void testsThatAreNamedExist() throws IOException {
    Set<String> tests = tests();
    List<String> missing = new ArrayList<>();
    int found = 0;
    for (Path document : DocumentLinks.documents(ROOT)) {
      Matcher name = TEST_CLASS.matcher(Files.readString(document));
      while (name.find()) {
        found++;
        if (!tests.contains(name.group(1) + ".java")) {
          missing.add(ROOT.relativize(document) + ": " + name.group(1));
        }
      }
    }
    assertTrue(found > 50, "too few to be all: " + found);
    assertEquals(List.of(), missing);
  }

  private static Set<String> tests() throws IOException {
    try (Stream<Path> files = Files.walk(ROOT)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith("Test.java"))
          .collect(Collectors.toSet());
    }
  }
}
