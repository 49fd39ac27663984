// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.ProtocolException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Memory that a reader accepts is whole and cannot be changed any more. */
final class SealedMemoryTest {
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_ALLOW_SEALING = 2;
  private static final int F_ADD_SEALS = 1033;

  private final byte[] bytes = new byte[100_001];
  private Arena arena;
  private MemorySegment content;

  @BeforeEach
  void fill() {
    arena = Arena.ofConfined();
    new Random(5).nextBytes(bytes);
    content = arena.allocate(bytes.length);
    MemorySegment.copy(bytes, 0, content, JAVA_BYTE, 0, bytes.length);
  }

  @AfterEach
  void free() {
    arena.close();
  }

  private static byte[] read(int fd, long maxBytes) throws IOException {
    try (SealedMemory.Content read = SealedMemory.read(fd, maxBytes)) {
      return read.bytes().toArray(JAVA_BYTE);
    }
  }

  @Test
  void theReaderGetsTheContentThroughAPassedDescriptorAfterTheWriterClosedIts() throws Exception {
    List<DescriptorSocket> pair = DescriptorSocket.pair();
    try (DescriptorSocket left = pair.get(0);
        DescriptorSocket right = pair.get(1)) {
      try (SealedMemory memory = SealedMemory.of("test", content)) {
        left.send(new byte[] {1}, List.of(memory.fd()));
      }
      content.fill((byte) 0);
      try (DescriptorSocket.Message message = right.receive(Duration.ofSeconds(5))) {
        assertArrayEquals(bytes, read(message.descriptors().getFirst(), bytes.length));
        assertArrayEquals(bytes, read(message.descriptors().getFirst(), bytes.length), "again");
      }
    }
  }

  @Test
  void aWriterCannotChangeSealedMemory() throws Exception {
    try (SealedMemory memory = SealedMemory.of("test", content)) {
      assertTrue(LIBC.pwrite(memory.fd(), content.address(), 1, 0) < 0, "written");
      assertEquals(Errno.EPERM, Errno.last());
      Path opened = Path.of("/proc/self/fd/" + memory.fd());
      try (RandomAccessFile file = new RandomAccessFile(opened.toFile(), "rw")) {
        assertThrows(IOException.class, () -> file.setLength(5), "cut off");
        assertThrows(IOException.class, () -> file.setLength(bytes.length + 5L), "extended");
      }
      assertTrue(LIBC.fcntl(memory.fd(), F_ADD_SEALS, 0) < 0, "seals were added");
      assertArrayEquals(bytes, read(memory.fd(), bytes.length));
    }
  }

  @Test
  void memoryWithoutAllSealsIsRefused() throws Exception {
    int[] tooFewSeals = {0, 1, 2 | 4 | 8, 1 | 4 | 8, 1 | 2 | 8, 1 | 2 | 4};
    for (int seals : tooFewSeals) {
      int fd = LIBC.memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
      assertEquals(3, LIBC.pwrite(fd, content.address(), 3, 0));
      assertEquals(0, LIBC.fcntl(fd, F_ADD_SEALS, seals));
      assertThrows(ProtocolException.class, () -> SealedMemory.read(fd, 10), "seals " + seals);
      LIBC.close(fd);
    }
  }

  @Test
  void aFileThatIsNotInMemoryIsRefused() {
    int fd = LIBC.open("/proc/self/maps", LibC.O_RDONLY | LibC.O_CLOEXEC, 0);
    assertThrows(ProtocolException.class, () -> SealedMemory.read(fd, 10));
    LIBC.close(fd);
  }

  @Test
  void memoryThatIsTooLargeIsRefused() throws Exception {
    try (SealedMemory memory = SealedMemory.of("test", content)) {
      assertThrows(ProtocolException.class, () -> SealedMemory.read(memory.fd(), bytes.length - 1));
    }
  }

  @Test
  void emptyMemoryIsRead() throws Exception {
    try (SealedMemory memory = SealedMemory.of("test", content.asSlice(0, 0))) {
      assertEquals(0, read(memory.fd(), 0).length);
    }
  }

  @Test
  void aReadersCopyIsGoneOnceItIsClosed() throws Exception {
    try (SealedMemory memory = SealedMemory.of("test", content)) {
      SealedMemory.Content read = SealedMemory.read(memory.fd(), bytes.length);
      read.close();
      assertThrows(IllegalStateException.class, () -> read.bytes().get(JAVA_BYTE, 0));
    }
  }
}
