// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The owner of a lab is a live process with the recorded id and start time, and a malformed record
 * names no owner.
 */
final class LabOwnerTest {
  @TempDir private Path directory;

  @Test
  void thisProcessLivesAndIsReadAsItWasWritten() {
    LabOwner self = LabOwner.self();
    assertTrue(self.isAlive());
    self.write(directory.resolve("owner"));
    assertEquals(Optional.of(self), LabOwner.read(directory.resolve("owner")));
  }

  @Test
  void anotherProcessOfTheSameNumberIsNotTheOwner() {
    LabOwner self = LabOwner.self();
    assertFalse(new LabOwner(self.pid(), self.startTicks() - 1).isAlive());
  }

  @Test
  void aProcessThatHasEndedIsGone() throws Exception {
    Process process = new ProcessBuilder("sleep", "60").start();
    LabOwner owner = LabOwner.of(process.pid()).orElseThrow();
    assertTrue(owner.isAlive());
    process.destroyForcibly().waitFor();
    assertFalse(owner.isAlive());
  }

  @Test
  void whatIsNoRecordNamesNobody() throws IOException {
    Path file = directory.resolve("owner");
    assertEquals(Optional.empty(), LabOwner.read(file));
    for (String text : new String[] {"", "12", "12 x", "1 2 3"}) {
      Files.writeString(file, text);
      assertEquals(Optional.empty(), LabOwner.read(file), text);
    }
  }
}
