// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.state;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.esp.global.GlobalKey;
import dev.culvert.tunnel.esp.global.KeyFile;
import dev.culvert.tunnel.esp.global.KeyFileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A rotation adds the next key and keeps only the published one before it, runs alone, and leaves a
 * file that it refuses as it is.
 */
class KeyFileWriterTest {
  private final Random random = new Random(4);

  @TempDir private Path folder;

  private Path file(byte[] text) throws IOException {
    Path file = Files.write(folder.resolve("keys"), text);
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  private static List<Integer> ids(Path file) throws IOException, KeyFileException {
    try (KeyFile keys = KeyFileReader.read(file)) {
      return keys.keys().stream().map(GlobalKey::id).toList();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {16, 32})
  void aNewLineIsAKeyFile(int aesKeyBytes) throws KeyFileException {
    byte[] line = KeyFile.newLine(7, aesKeyBytes, random);
    try (KeyFile keys = KeyFile.parse("new", line)) {
      assertEquals(7, keys.published().id());
      assertEquals(aesKeyBytes, keys.published().aesKeyLength());
    }
  }

  @Test
  void aRotationPutsTheNextIdBehindThePublishedKeyAndDropsEarlierOnes() throws Exception {
    Path file = file(KeyFile.newLine(14, 16, random));
    String first = Files.readString(file);
    assertEquals(15, KeyFileWriter.rotate(file, random));
    assertTrue(Files.readString(file).startsWith(first), "the key in use stays as it is");
    assertEquals(1, KeyFileWriter.rotate(file, random));
    assertEquals(List.of(15, 1), ids(file));
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    try (var files = Files.list(folder)) {
      assertEquals(List.of(file), files.toList(), "nothing half done is left");
    }
  }

  @Test
  void aFileWithoutALinesEndAndWithBlankLinesIsRotated() throws Exception {
    String line = new String(KeyFile.newLine(3, 32, random), US_ASCII).strip();
    Path file = file(("\n" + line + "\n\n \n").getBytes(US_ASCII));
    KeyFileWriter.rotate(file, random);
    assertEquals(List.of(3, 4), ids(file));
    Files.writeString(file, line);
    KeyFileWriter.rotate(file, random);
    assertEquals(List.of(3, 4), ids(file));
  }

  @Test
  void aFileThatIsRefusedStaysAsItIs() throws IOException {
    byte[] text = "3 rfc4106(gcm(aes)) 00 128\n".getBytes(US_ASCII);
    Path file = file(text);
    assertThrows(KeyFileException.class, () -> KeyFileWriter.rotate(file, random));
    assertArrayEquals(text, Files.readAllBytes(file));
  }

  /** Hands out numbers only once both rotations are at it, or one of them has ended. */
  private static final class Rendezvous implements RandomGenerator {
    private final Random random = new Random(5);
    private final CountDownLatch reached;
    private final CountDownLatch goOn;

    Rendezvous(CountDownLatch reached, CountDownLatch goOn) {
      this.reached = reached;
      this.goOn = goOn;
    }

    @Override
    public long nextLong() {
      reached.countDown();
      try {
        goOn.await();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
      return random.nextLong();
    }
  }

  @Test
  void ofTwoRotationsAtOnceTheSecondFailsAndSaysWhy() throws Exception {
    Path file = file(KeyFile.newLine(3, 16, random));
    CountDownLatch reached = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    try (ExecutorService other = Executors.newSingleThreadExecutor()) {
      Future<Integer> first =
          other.submit(() -> KeyFileWriter.rotate(file, new Rendezvous(reached, goOn)));
      reached.await();
      IOException refused;
      try {
        refused = assertThrows(IOException.class, () -> KeyFileWriter.rotate(file, random));
      } finally {
        goOn.countDown();
      }
      assertTrue(
          String.valueOf(refused.getMessage()).contains("another rotation is at work"),
          refused::toString);
      assertEquals(4, first.get());
    }
    assertEquals(List.of(3, 4), ids(file));
    assertEquals(5, KeyFileWriter.rotate(file, random), "the lock is gone");
  }

  @Test
  void aRefusedRotationLeavesNoLock() throws Exception {
    Path file = file("3 rfc4106(gcm(aes)) 00 128\n".getBytes(US_ASCII));
    assertThrows(KeyFileException.class, () -> KeyFileWriter.rotate(file, random));
    Files.write(file, KeyFile.newLine(3, 16, random));
    assertEquals(4, KeyFileWriter.rotate(file, random));
  }

  @Test
  void aLinkStaysALink() throws Exception {
    Path file = file(KeyFile.newLine(1, 16, random));
    Path link = Files.createSymbolicLink(folder.resolve("link"), file);
    KeyFileWriter.rotate(link, random);
    assertTrue(Files.isSymbolicLink(link));
    assertEquals(List.of(1, 2), ids(file));
  }
}
