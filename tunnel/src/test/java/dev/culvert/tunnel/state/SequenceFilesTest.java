// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.esp.manual.ManualSa;
import dev.culvert.tunnel.esp.manual.SequenceRefusedException;
import dev.culvert.tunnel.esp.manual.SequenceStore.Block;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * No sequence number is reserved twice, and a record that is gone, damaged, copied, set back or
 * another key's is refused.
 */
class SequenceFilesTest {
  private static final long END = 1L << 32;

  @TempDir private Path folder;
  private final ManualSa sa = sa(1);

  private static ManualSa sa(int seed) {
    byte[] key = new byte[16];
    new Random(seed).nextBytes(key);
    return new ManualSa("foreign", 0x1000, SecretBytes.owning(key), 7, false);
  }

  private SequenceFiles open() throws IOException {
    return new SequenceFiles(folder.resolve("state"), folder.resolve("run"));
  }

  private Path record() {
    return folder.resolve("state").resolve(sa.fingerprint());
  }

  private Block reserve() throws IOException, SequenceRefusedException {
    return open().reserve(sa.fingerprint(), 1_000, END);
  }

  private String refusal() {
    return String.valueOf(assertThrows(SequenceRefusedException.class, this::reserve).getMessage())
        .replace(folder.toString(), "")
        .replace(sa.fingerprint(), "KEY");
  }

  @BeforeEach
  void enrol() throws IOException, SequenceRefusedException {
    open().enrol(sa);
  }

  @Test
  void blocksFollowEachOtherOverRestarts() throws IOException, SequenceRefusedException {
    for (int i = 0; i < 50; i++) {
      assertEquals(new Block(1 + 1_000L * i, 1_001 + 1_000L * i), reserve());
    }
  }

  @Test
  void theLastBlockEndsWithTheSpace() throws IOException, SequenceRefusedException {
    SequenceFiles files = open();
    files.reserve(sa.fingerprint(), END - 5, END);
    assertEquals(new Block(END - 4, END), reserve());
    assertEquals(new Block(END, END), reserve());
  }

  @Test
  void aRecordThatIsGoneMeansRefusal() throws IOException, SequenceRefusedException {
    reserve();
    Files.delete(record());
    assertEquals(
        "/state/KEY is gone, so the used sequence numbers are unknown: give both ends a new key",
        refusal());
  }

  @Test
  void aUsedKeyIsNotEnrolledAgain() throws IOException, SequenceRefusedException {
    assertThrows(SequenceRefusedException.class, () -> open().enrol(sa));
    reserve();
    Files.delete(record());
    SequenceRefusedException thrown =
        assertThrows(SequenceRefusedException.class, () -> open().enrol(sa));
    assertTrue(
        String.valueOf(thrown.getMessage()).startsWith("this key was used since the machine"));
  }

  @Test
  void aRestoredBackupMeansRefusal() throws IOException, SequenceRefusedException {
    Path backup = Files.copy(record(), folder.resolve("backup"));
    reserve();
    Files.move(backup, record(), StandardCopyOption.REPLACE_EXISTING);
    Files.delete(folder.resolve("run").resolve(sa.fingerprint())); // As after a boot.
    assertEquals(
        "/state/KEY is a copy, perhaps older than the numbers used: give both ends a new key",
        refusal());
  }

  @Test
  void aRecordSetBackInPlaceMeansRefusal() throws IOException, SequenceRefusedException {
    byte[] old = Files.readAllBytes(record());
    reserve();
    Files.write(record(), old);
    assertEquals(
        "/state/KEY says 1, but numbers below 1001 were given out: it was set back; give both ends"
            + " a new key",
        refusal());
  }

  @Test
  void aRecordSetBackUnderARunningProcessMeansRefusal()
      throws IOException, SequenceRefusedException {
    byte[] old = Files.readAllBytes(record());
    SequenceFiles files = open();
    files.reserve(sa.fingerprint(), 1_000, END);
    Files.write(record(), old);
    Files.delete(folder.resolve("run").resolve(sa.fingerprint()));
    assertThrows(SequenceRefusedException.class, () -> files.reserve(sa.fingerprint(), 1_000, END));
  }

  @Test
  void anotherKeysRecordMeansRefusal() throws IOException, SequenceRefusedException {
    ManualSa other = sa(2);
    open().enrol(other);
    Files.move(
        folder.resolve("state").resolve(other.fingerprint()),
        record(),
        StandardCopyOption.REPLACE_EXISTING);
    assertEquals("/state/KEY is the record of another key", refusal());
  }

  @Test
  void aMediumThatCannotBeWrittenMeansRefusal() throws IOException {
    Files.delete(record());
    Files.createDirectory(record());
    assertTrue(refusal().startsWith("/state/KEY cannot be written: "));
  }

  @Test
  void aWriteThatACrashCutShortSkipsABlockAndReusesNone()
      throws IOException, SequenceRefusedException {
    reserve();
    reserve();
    byte[] file = Files.readAllBytes(record());
    for (int slot = 0; slot < 2; slot++) {
      byte[] torn = file.clone();
      torn[slot * 48 + 40] ^= 1;
      Files.write(record(), torn);
      Files.deleteIfExists(folder.resolve("run").resolve(sa.fingerprint()));
      Block block = reserve();
      assertTrue(block.first() >= 2_001, "first " + block.first());
      Files.write(record(), file);
      Files.deleteIfExists(folder.resolve("run").resolve(sa.fingerprint()));
    }
  }

  @Test
  void aDamagedRecordMeansRefusal() throws IOException {
    Files.write(record(), new byte[96]);
    assertEquals("/state/KEY is damaged: give both ends a new key", refusal());
  }

  @Test
  void nobodyElseCanReadARecord() throws IOException {
    assertEquals(
        "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(record())));
  }
}
