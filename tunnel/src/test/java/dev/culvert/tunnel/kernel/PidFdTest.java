// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.ProtocolException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The end of a process is seen, and of that process alone. */
@Timeout(20)
final class PidFdTest {
  private static final Duration AT_ONCE = Duration.ZERO;
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private @Nullable Process child;

  private PidFd start(String... command) throws IOException {
    Process started = new ProcessBuilder(command).start();
    child = started;
    return PidFd.of(started.pid());
  }

  private Process child() {
    return Objects.requireNonNull(child);
  }

  @AfterEach
  void end() {
    if (child != null) {
      child.destroyForcibly();
    }
  }

  @Test
  void aChildThatEndsIsSeen() throws Exception {
    try (PidFd process = start("cat")) {
      assertFalse(process.hasEnded(Duration.ofMillis(50)));
      child().getOutputStream().close();
      assertTrue(process.hasEnded(PATIENCE));
      assertEquals(0, child().waitFor());
      assertTrue(process.hasEnded(AT_ONCE), "after its parent asked for its result");
      process.kill();
    }
  }

  @Test
  void aKilledChildIsSeen() throws Exception {
    try (PidFd process = start("sleep", "60")) {
      assertFalse(process.hasEnded(AT_ONCE));
      child().destroyForcibly();
      assertTrue(process.hasEnded(PATIENCE));
    }
  }

  @Test
  void aProcessIsKilledThroughAPassedDescriptor() throws Exception {
    List<DescriptorSocket> pair = DescriptorSocket.pair();
    try (DescriptorSocket left = pair.get(0);
        DescriptorSocket right = pair.get(1)) {
      try (PidFd process = start("sleep", "60")) {
        left.send(new byte[] {1}, List.of(process.fd()));
      }
      int fd = right.receive(PATIENCE).descriptors().getFirst();
      try (PidFd received = PidFd.received(fd)) {
        assertFalse(received.hasEnded(AT_ONCE));
        received.kill();
        assertTrue(received.hasEnded(PATIENCE));
      }
    }
    assertEquals(128 + 9, child().waitFor());
  }

  @Test
  void thisProcessHasNotEnded() throws Exception {
    try (PidFd self = PidFd.ofThisProcess()) {
      assertFalse(self.hasEnded(Duration.ofMillis(20)));
    }
  }

  @Test
  void anyOtherFileIsRefusedSinceItsEndWouldBeMistakenForAProcesss() throws Exception {
    for (String path : List.of("/dev/null", "/proc/self", "/proc/self/stat")) {
      int fd = LIBC.open(path, LibC.O_RDONLY | LibC.O_CLOEXEC, 0);
      assertThrows(ProtocolException.class, () -> PidFd.received(fd), path);
    }
    try (Wakeup wakeup = Wakeup.open()) {
      int copy = LIBC.fcntl(wakeup.fd(), 0, 0);
      assertThrows(ProtocolException.class, () -> PidFd.received(copy));
    }
  }

  @Test
  void whoeverMayNotKillSaysSoAndTheProcessGoesOn() throws Exception {
    assumeTrue(LIBC.geteuid() == 0, "only root can become another user");
    try (PidFd process = start("sleep", "60")) {
      Throwable[] refusal = new Throwable[1];
      // The system call, unlike the C library's function, changes the calling thread alone.
      Thread.ofPlatform()
          .start(
              () -> {
                long setresuid = System.getProperty("os.arch").equals("aarch64") ? 147 : 117;
                LIBC.syscall(setresuid, 65534, 65534, 65534);
                refusal[0] = assertThrows(ErrnoException.class, process::kill);
              })
          .join();
      assertEquals(Errno.EPERM, ((ErrnoException) refusal[0]).errno());
      assertFalse(process.hasEnded(AT_ONCE));
    }
  }
}
