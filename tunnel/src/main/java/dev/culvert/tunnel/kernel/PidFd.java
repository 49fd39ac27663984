// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import java.io.IOException;
import java.net.ProtocolException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A descriptor of a process. Unlike a number, it never means another process, and it tells the
 * process's end also in another PID namespace.
 */
public final class PidFd implements AutoCloseable {
  /** Numbers of system calls that are equal on all architectures. */
  private static final int PIDFD_SEND_SIGNAL = 424;

  private static final int PIDFD_OPEN = 434;

  private static final int SIGKILL = 9;

  private final int fd;

  private PidFd(int fd) {
    this.fd = fd;
  }

  /** This process's, for passing to another one. */
  public static PidFd ofThisProcess() throws ErrnoException {
    return of(ProcessHandle.current().pid());
  }

  /**
   * The descriptor of the process with this number in our PID namespace.
   *
   * @throws ErrnoException ESRCH if there is none
   */
  public static PidFd of(long pid) throws ErrnoException {
    long fd = LIBC.syscall(PIDFD_OPEN, pid, 0, 0);
    return new PidFd(ErrnoException.check("pidfd_open " + pid, (int) fd));
  }

  /**
   * Owns a descriptor that another process sent.
   *
   * @param fd closed if this fails
   * @throws ProtocolException if it is no descriptor of a process
   */
  public static PidFd received(int fd) throws IOException {
    PidFd received = new PidFd(fd);
    try {
      // The end of any other file would be mistaken for the end of the process.
      Path information = Path.of("/proc/self/fdinfo/" + fd);
      if (Files.readAllLines(information).stream().noneMatch(line -> line.startsWith("Pid:"))) {
        throw new ProtocolException("a descriptor that is not of a process");
      }
      return received;
    } catch (IOException | RuntimeException e) {
      received.close();
      throw e;
    }
  }

  /** The descriptor, for as long as this is open. */
  public int fd() {
    return fd;
  }

  /**
   * Waits until the process has ended: none of its threads runs any more, and its descriptors are
   * closed. A parent that has not asked for its result yet does not matter.
   *
   * @return false if {@code patience} passes first
   */
  public boolean hasEnded(Duration patience) throws ErrnoException {
    return Poll.readable((int) Math.min(Integer.MAX_VALUE, patience.toMillis()), fd);
  }

  /**
   * Kills the process. It has ended when {@link #hasEnded} says so. An ended process is left alone.
   *
   * @throws ErrnoException EPERM if it belongs to another user, EINVAL if it is in a PID namespace
   *     that is not below ours; it goes on
   */
  public void kill() throws ErrnoException {
    if (LIBC.syscall(PIDFD_SEND_SIGNAL, fd, SIGKILL, 0, 0) < 0) {
      int errno = Errno.last();
      if (errno == Errno.EINVAL) {
        throw new ErrnoException(
            "kill a process", errno, "its PID namespace is out of this process's reach");
      }
      if (errno != Errno.ESRCH) {
        throw new ErrnoException("kill a process", errno);
      }
    }
  }

  @Override
  public void close() {
    LIBC.close(fd);
  }
}
