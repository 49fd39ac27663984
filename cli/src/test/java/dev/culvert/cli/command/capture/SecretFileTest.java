// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.capture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.culvert.cli.command.CommandException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A file for secrets is readable by its owner alone, and a link, a pipe, a file of another user or
 * a folder that others may write to is refused.
 */
final class SecretFileTest {
  @TempDir private Path folder;
  private Path file;

  @BeforeEach
  void folderOfOurOwn() throws IOException {
    mode(folder, "rwxr-xr-x");
    file = folder.resolve("keys");
  }

  private static void mode(Path path, String mode) throws IOException {
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode));
  }

  private static void write(Path to, String text) throws IOException, CommandException {
    try (BufferedWriter out = SecretFile.open(to)) {
      out.write(text);
    }
  }

  private static void refused(Path to, String reason) {
    CommandException e = assertThrows(CommandException.class, () -> write(to, "secret"));
    assertTrue(String.valueOf(e.getMessage()).contains(reason), e::getMessage);
  }

  @Test
  void whatIsMadeOnlyItsOwnerCanRead() throws Exception {
    write(file, "secret");
    assertEquals("secret", Files.readString(file));
    assertEquals(PosixFilePermissions.fromString("rw-------"), Files.getPosixFilePermissions(file));
  }

  @Test
  void aFileThatOnlyItsOwnerCanReadIsUsedAgain() throws Exception {
    write(file, "long and secret");
    write(file, "short");
    assertEquals("short", Files.readString(file));
  }

  @ParameterizedTest
  @ValueSource(strings = {"rw-r-----", "rw----r--", "rw--w----", "rw-----w-"})
  void aFileThatOthersReachIsRefusedAndKept(String mode) throws Exception {
    Files.writeString(file, "before");
    mode(file, mode);
    refused(file, "lets group or others at it");
    assertEquals("before", Files.readString(file));
  }

  @ParameterizedTest
  @ValueSource(strings = {"rwxrwxr-x", "rwx----w-"})
  void aFolderThatOthersWriteToIsRefused(String mode) throws Exception {
    mode(folder, mode);
    refused(file, "can write to its folder");
    assertFalse(Files.exists(file));
  }

  @Test
  void aLinkIsRefused() throws Exception {
    Path elsewhere = Files.writeString(folder.resolve("elsewhere"), "before");
    mode(elsewhere, "rw-------");
    Files.createSymbolicLink(file, elsewhere);
    refused(file, "not a file");
    assertEquals("before", Files.readString(elsewhere));
  }

  /** The owner of the folder makes the link. The file that was checked is the one written to. */
  @Test
  @Timeout(60)
  void aLinkThatTakesTheNameBetweenCheckAndOpenIsNeverWrittenThrough() throws Exception {
    Path victim = Files.writeString(folder.resolve("victim"), "before");
    AtomicBoolean done = new AtomicBoolean();
    FutureTask<Boolean> swaps = new FutureTask<>(() -> swap(victim, done));
    Thread swapping = Thread.ofPlatform().start(swaps);
    try {
      int written = 0;
      int refused = 0;
      while (written < 500 || refused < 500) {
        try {
          write(file, "secret");
          written++;
        } catch (CommandException e) {
          assertTrue(String.valueOf(e.getMessage()).contains("not a file"), e::getMessage);
          refused++;
        }
        assertEquals("before", Files.readString(victim));
      }
    } finally {
      done.set(true);
      swapping.join();
    }
    assertTrue(swaps.get());
  }

  private boolean swap(Path victim, AtomicBoolean done) throws IOException {
    Path next = folder.resolve("next");
    while (!done.get()) {
      Files.createSymbolicLink(next, victim);
      Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
      Files.createFile(
          next, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
    }
    return true;
  }

  @Test
  void aFileOfAnotherUserIsRefusedAndKept() throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "only root gives files away");
    Files.writeString(file, "before");
    mode(file, "rw-------");
    Files.setAttribute(file, "unix:uid", 1234);
    refused(file, "it belongs to user 1234");
    assertEquals("before", Files.readString(file));
  }

  @Test
  void aPipeIsRefusedWithoutWaitingForItsReader() throws Exception {
    assertEquals(0, new ProcessBuilder("mkfifo", "-m", "600", file.toString()).start().waitFor());
    refused(file, "not a file");
  }

  @Test
  void aFolderThatIsNotThereIsRefused() {
    refused(folder.resolve("none/keys"), "its folder does not exist");
  }
}
