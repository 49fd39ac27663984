package dev.culvert.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
    refused(file, "group or others can read it");
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
    refused(file, "it is not a file");
    assertEquals("before", Files.readString(elsewhere));
  }

  @Test
  void aFolderThatIsNotThereIsRefused() {
    refused(folder.resolve("none/keys"), "its folder does not exist");
  }
}
