// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.esp.global.KeyFile;
import dev.culvert.tunnel.esp.global.KeyFileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A key file is read only if nobody but its owner can open it and it has at most 16384 bytes. */
class KeyFileReaderTest {
  private static final String LINE =
      "3+ rfc4106(gcm(aes)) 8f3a61d09c5e27b4f1063ad87be92c4d5510c7ee 128\n";

  @TempDir private Path folder;

  private Path file(String mode) throws IOException {
    Path file = Files.writeString(folder.resolve("keys"), LINE);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
    return file;
  }

  @ParameterizedTest
  @ValueSource(strings = {"rw-------", "r--------"})
  void aFileOfItsOwnerAloneIsRead(String mode) throws IOException, KeyFileException {
    try (KeyFile keys = KeyFileReader.read(file(mode))) {
      assertEquals(3, keys.published().id());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"rw-r-----", "rw----r--", "rw--w----", "rw------x"})
  void aFileThatOthersCanOpenIsRefused(String mode) throws IOException {
    Path file = file(mode);
    KeyFileException refusal = assertThrows(KeyFileException.class, () -> KeyFileReader.read(file));
    assertEquals(
        file
            + ": mode "
            + mode
            + " lets group or others at it; make it 0600, or 0400 for a mounted secret",
        refusal.getMessage());
  }

  @Test
  void theFileBehindALinkCounts() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link"), file("rw-r--r--"));
    assertThrows(KeyFileException.class, () -> KeyFileReader.read(link));
  }

  @Test
  void aFileTooLongIsRefused() throws IOException {
    Path file = file("rw-------");
    Files.writeString(file, LINE.repeat(1_000));
    KeyFileException refusal = assertThrows(KeyFileException.class, () -> KeyFileReader.read(file));
    assertTrue(String.valueOf(refusal.getMessage()).endsWith("larger than 16384 bytes"));
  }

  @Test
  void aMissingFileIsAnErrorOfItsOwn() {
    assertThrows(NoSuchFileException.class, () -> KeyFileReader.read(folder.resolve("none")));
  }
}
