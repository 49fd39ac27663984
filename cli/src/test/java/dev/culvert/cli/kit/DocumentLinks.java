// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Links between documents in Markdown, and from them to other files. */
public final class DocumentLinks {
  private static final Pattern LINK =
      Pattern.compile("\\]\\((?!https?:|mailto:)([^)#\\s]*)(?:#([^)\\s]*))?\\)");
  private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.*)$");

  private DocumentLinks() {}

  /** The documents in a checkout, package or archive. */
  public static List<Path> documents(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      return files
          .filter(file -> file.toString().endsWith(".md") && Files.isRegularFile(file))
          .filter(file -> !root.relativize(file).toString().contains("target/"))
          .toList();
    }
  }

  /** The links in documents below {@code root} that lead to no file or heading. */
  public static List<String> dead(Path root) throws IOException {
    List<String> dead = new ArrayList<>();
    int found = 0;
    for (Path document : documents(root)) {
      for (MatchResult link : LINK.matcher(Files.readString(document)).results().toList()) {
        found++;
        if (!isAlive(document, link.group(1), link.group(2))) {
          dead.add(root.relativize(document) + ": " + link.group());
        }
      }
    }
    assertTrue(found > 50, "too few to be all: " + found);
    return dead;
  }

  private static boolean isAlive(Path document, String path, @Nullable String heading)
      throws IOException {
    Path target = path.isEmpty() ? document : document.resolveSibling(path).normalize();
    return Files.exists(target) && (heading == null || anchors(target).contains(heading));
  }

  /** As GitHub makes them of headings. */
  private static Set<String> anchors(Path document) throws IOException {
    return HEADING
        .matcher(Files.readString(document))
        .results()
        .map(
            m -> m.group(1).toLowerCase(Locale.ROOT).replaceAll("[^\\w\\- ]", "").replace(' ', '-'))
        .collect(Collectors.toSet());
  }
}
