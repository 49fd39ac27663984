// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;

/**
 * A non-blocking descriptor that threads wait on, and that other threads may close or wake
 * meanwhile. Its number is not used after it is closed, since it may belong to another file by
 * then. Thread-safe.
 *
 * <p>Waiting blocks a thread of the machine: not for virtual threads.
 */
public final class Descriptor implements AutoCloseable {
  /** Longer than any process lives. */
  public static final Duration FOREVER = Duration.ofDays(36_500);

  private static final long NANOS_PER_MILLI = 1_000_000;

  /** The end of a wait. */
  public enum Outcome {
    READY,
    TIMED_OUT,
    /** {@link #wake} was called. */
    WOKEN
  }

  /** A call of the C library that does not block. */
  @FunctionalInterface
  public interface Call {
    /** Returns a negative number for a failure that {@link Errno#last} tells. */
    long on(int fd);
  }

  private final int fd;
  private final Wakeup wakeup;
  private int waiting;
  private boolean woken;
  private boolean ended;

  private Descriptor(int fd, Wakeup wakeup) {
    this.fd = fd;
    this.wakeup = wakeup;
  }

  /**
   * Owns {@code fd} from now on.
   *
   * @param fd a descriptor that does not block; closed if this fails
   */
  public static Descriptor owning(int fd) throws ErrnoException {
    try {
      return new Descriptor(fd, Wakeup.open());
    } catch (ErrnoException e) {
      LIBC.close(fd);
      throw e;
    }
  }

  /**
   * Waits until the descriptor is ready for {@code event} or broken.
   *
   * @param event {@link LibC#POLLIN} or {@link LibC#POLLOUT}
   * @throws ClosedChannelException if it is closed, now or during the wait
   */
  public Outcome await(short event, Duration patience)
      throws ErrnoException, ClosedChannelException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (true) {
      long rest = deadline - System.nanoTime();
      long millis = Math.max(0, (rest + NANOS_PER_MILLI - 1) / NANOS_PER_MILLI);
      Outcome outcome = awaitOnce(event, (int) Math.min(Integer.MAX_VALUE, millis));
      if (outcome != Outcome.TIMED_OUT || deadline - System.nanoTime() <= 0) {
        return outcome;
      }
    }
  }

  private Outcome awaitOnce(short event, int millis) throws ErrnoException, ClosedChannelException {
    begin();
    boolean ready;
    try {
      ready = Poll.ready(millis, fd, event, wakeup.fd());
    } finally {
      end();
    }
    return outcome(ready);
  }

  private synchronized void begin() throws ClosedChannelException {
    requireOpen();
    waiting++;
  }

  private synchronized void end() {
    waiting--;
    if (ended) {
      release();
    }
  }

  private synchronized Outcome outcome(boolean ready) throws AsynchronousCloseException {
    if (ended) {
      throw new AsynchronousCloseException();
    }
    if (woken) {
      woken = false;
      wakeup.drain();
      return Outcome.WOKEN;
    }
    return ready ? Outcome.READY : Outcome.TIMED_OUT;
  }

  /**
   * Makes a call.
   *
   * @return its result, or the error number as a negative number
   * @throws ClosedChannelException if the descriptor is closed
   */
  public synchronized long call(Call call) throws ClosedChannelException {
    requireOpen();
    long result = call.on(fd);
    return result < 0 ? -Errno.last() : result;
  }

  private void requireOpen() throws ClosedChannelException {
    if (ended) {
      throw new ClosedChannelException();
    }
  }

  /** Ends one wait: the present one, or else the next. */
  public synchronized void wake() {
    if (!ended) {
      woken = true;
      wakeup.signal();
    }
  }

  /** The number, for passing it to another process while this is open. */
  public int fd() {
    return fd;
  }

  @Override
  public synchronized void close() {
    if (!ended) {
      ended = true;
      wakeup.signal();
      release();
    }
  }

  /** Releases the numbers when no thread waits for them any more. */
  private void release() {
    if (waiting == 0) {
      wakeup.close();
      LIBC.close(fd);
    }
  }
}
