// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.state;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The file that was opened and checked is the one that is read; folders, pipes and files of other
 * users are refused. A file is written as a whole, and only its owner may use it.
 */
class PrivateFileTest {
  @TempDir private Path folder;

  private Path file(String name, String text) throws IOException {
    Path file = Files.writeString(folder.resolve(name), text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    return file;
  }

  @Test
  void whatWasOpenedAndJudgedIsReadThoughAnotherFileTakesItsName() throws IOException {
    Path secret = file("key", "judged");
    try (PrivateFile opened = PrivateFile.openForUpdate(secret)) {
      Files.move(file("other", "planted"), secret, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
      try (FileChannel channel = opened.channel(Set.of(StandardOpenOption.READ))) {
        ByteBuffer bytes = ByteBuffer.allocate(6);
        assertEquals(6, channel.read(bytes));
        assertArrayEquals("judged".getBytes(US_ASCII), bytes.array());
      }
    }
  }

  @Test
  void aFileOfAnotherUserIsRefused() throws IOException {
    assumeTrue("root".equals(System.getProperty("user.name")), "only root gives files away");
    Path secret = file("key", "x");
    Files.setAttribute(secret, "unix:uid", 1234);
    PrivateFile.RefusedException refused =
        assertThrows(PrivateFile.RefusedException.class, () -> PrivateFile.read(secret, 10));
    assertTrue(refused.reason().startsWith("it belongs to user 1234"), refused.reason());
  }

  @Test
  void aFolderIsNoFile() {
    assertThrows(PrivateFile.RefusedException.class, () -> PrivateFile.read(folder, 10));
  }

  @Test
  void aPipeIsRefusedWithoutWaitingForItsWriter() throws Exception {
    Path pipe = folder.resolve("pipe");
    assertEquals(0, new ProcessBuilder("mkfifo", "-m", "600", pipe.toString()).start().waitFor());
    assertThrows(PrivateFile.RefusedException.class, () -> PrivateFile.read(pipe, 10));
  }

  private static String mode(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  private void assertOnly(Path file, String text) throws IOException {
    assertEquals(text, Files.readString(file));
    assertEquals("rw-------", mode(file));
    try (var files = Files.list(folder)) {
      assertEquals(List.of(file), files.toList(), "nothing half-made is left");
    }
  }

  @Test
  void aFileThatReplacesAnotherIsPrivateThoughTheOtherWasNot() throws IOException {
    Path notes = file("notes", "a longer text");
    Files.setPosixFilePermissions(notes, PosixFilePermissions.fromString("rw-r--r--"));
    PrivateFile.replace(notes, "new".getBytes(US_ASCII));
    assertOnly(notes, "new");
  }

  @Test
  void aFileIsMadeOnceAndNeverReplaced() throws IOException {
    Path key = folder.resolve("key");
    assertTrue(PrivateFile.create(key, "first".getBytes(US_ASCII)));
    assertFalse(PrivateFile.create(key, "second".getBytes(US_ASCII)));
    assertOnly(key, "first");
  }

  @Test
  void theHalfFileOfADeadProcessIsNoObstacle() throws IOException {
    file(".key." + ProcessHandle.current().pid(), "half");
    Path key = folder.resolve("key");
    PrivateFile.replace(key, "whole".getBytes(US_ASCII));
    assertOnly(key, "whole");
  }
}
