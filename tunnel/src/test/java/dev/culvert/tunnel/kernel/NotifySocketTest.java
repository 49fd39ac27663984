// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A service manager gets a message's descriptors together with its text. */
final class NotifySocketTest {
  @TempDir private Path directory;
  private Arena arena;
  private String address;
  private int manager;

  @BeforeEach
  void listen() throws Exception {
    arena = Arena.ofConfined();
    address = directory.resolve("notify").toString();
    int type = LibC.SOCK_DGRAM | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC;
    manager = ErrnoException.check("socket", LIBC.socket(LibC.AF_UNIX, type, 0));
    MemorySegment name = UnixAddress.of(arena, Path.of(address));
    ErrnoException.check("bind", LIBC.bind(manager, name.address(), (int) name.byteSize()));
  }

  @AfterEach
  void close() {
    LIBC.close(manager);
    arena.close();
  }

  @Test
  void descriptorsArriveWithTheirMessage() throws Exception {
    try (Wakeup wakeup = Wakeup.open()) {
      new NotifySocket(address).send("FDSTORE=1", List.of(wakeup.fd(), wakeup.fd()));
      MemorySegment bytes = arena.allocate(100);
      RightsMessage message = RightsMessage.toReceive(arena, bytes, 10);
      long length = LIBC.recvmsg(manager, message.address(), LibC.MSG_CMSG_CLOEXEC);
      assertArrayEquals(
          "FDSTORE=1".getBytes(US_ASCII), bytes.asSlice(0, Math.max(0, length)).toArray(JAVA_BYTE));
      List<Integer> received = message.received();
      assertEquals(2, received.size());
      wakeup.signal();
      assertTrue(Poll.readable(0, received.get(0)), "it is the same file");
      assertTrue(Poll.readable(0, received.get(1)), "it is the same file");
      received.forEach(LIBC::close);
    }
  }

  @Test
  void tooManyOrClosedDescriptorsAreNotSent() {
    NotifySocket socket = new NotifySocket(address);
    assertThrows(
        IllegalArgumentException.class,
        () -> socket.send("FDSTORE=1", Collections.nCopies(254, manager)));
    ErrnoException refusal =
        assertThrows(ErrnoException.class, () -> socket.send("FDSTORE=1", List.of(9999)));
    assertEquals(Errno.EBADF, refusal.errno());
  }
}
