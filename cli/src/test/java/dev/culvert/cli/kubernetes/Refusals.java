// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.lab.kubernetes.ApiAnswer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Answers of the API server that have to be refusals, gathered in a table for people. */
final class Refusals {
  private final List<String> rows = new ArrayList<>();

  /**
   * Checks that the API server refused, and for the right reason.
   *
   * @param who asked for the change, and which change
   * @param reason a part of the server's message
   */
  void refused(String who, ApiAnswer answer, String reason) {
    assertFalse(answer.succeeded(), () -> who + ": was permitted");
    assertTrue(
        answer.message().contains(reason),
        () -> "%s: %d %s".formatted(who, answer.code(), answer.message()));
    rows.add("| %s | %d | %s |".formatted(who, answer.code(), answer.message().strip()));
  }

  /** Writes the table in Markdown. */
  void write(Path file) {
    List<String> lines = new ArrayList<>(List.of("| request | code | message |", "|---|---|---|"));
    rows.stream().sorted().map(row -> row.replace("\n", " ")).forEach(lines::add);
    try {
      Files.write(file, lines);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
