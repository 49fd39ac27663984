// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Timestamps never fall behind an answered one after a clock reset, and restarts with a right clock
 * do not push them ahead.
 */
class TimestampStoreTest {
  private static final Instant NOW = Instant.parse("2026-11-20T12:00:00Z");
  private static final Instant AFTER_RESET = Instant.parse("1970-01-01T00:01:00Z");

  @TempDir private Path folder;

  private TimestampStore open() throws IOException {
    return TimestampStore.open(folder.resolve("state"));
  }

  @Test
  void aClockResetAtBootDoesNotTakeTimestampsBack() throws IOException {
    open().answered(NOW);
    assertFalse(open().floor(AFTER_RESET).isBefore(NOW));
  }

  @Test
  void everyAnswerIsCoveredThoughNotEveryOneIsWritten() throws IOException {
    TimestampStore store = open();
    for (int second = 0; second < 300; second++) {
      store.answered(NOW.plusSeconds(second));
      assertFalse(open().floor(AFTER_RESET).isBefore(NOW.plusSeconds(second)));
    }
  }

  @Test
  void restartsWithARightClockDoNotPushTimestampsIntoTheFuture() throws IOException {
    for (int start = 0; start < 100; start++) {
      Instant wall = NOW.plusSeconds(start);
      TimestampStore store = open();
      assertEquals(Instant.EPOCH, store.floor(wall), "restart " + start);
      store.answered(wall);
    }
  }

  @Test
  void anOlderAnswerChangesNothing() throws IOException {
    open().answered(NOW);
    Instant floor = open().floor(AFTER_RESET);
    open().answered(NOW.minusSeconds(1_000));
    assertEquals(floor, open().floor(AFTER_RESET));
  }

  @Test
  void nobodyElseCanReadTheFile() throws IOException {
    open().answered(NOW);
    Path file = folder.resolve("state").resolve("last-timestamp");
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
  }

  @Test
  void aFileThatHoldsNoTimestampIsAnErrorThatNamesIt() throws IOException {
    put("yesterday", "rw-------");
    IOException thrown = assertThrows(IOException.class, this::open);
    assertTrue(String.valueOf(thrown.getMessage()).contains("last-timestamp holds no timestamp"));
  }

  @Test
  void aFileThatOthersCanChangeIsRefused() throws IOException {
    put(NOW.toString(), "rw-rw----");
    IOException thrown = assertThrows(IOException.class, this::open);
    assertTrue(String.valueOf(thrown.getMessage()).contains("mode rw-rw----"));
  }

  private void put(String text, String mode) throws IOException {
    Path file = Files.createDirectories(folder.resolve("state")).resolve("last-timestamp");
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
  }
}
