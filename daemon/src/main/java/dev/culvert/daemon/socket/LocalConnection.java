// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.socket;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.culvert.tunnel.kernel.Descriptor;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.ClosedChannelException;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * One connection to a {@link LocalServer}. Its thread serves operations, and can be paused between
 * two of them, or while it waits for the rest of one.
 */
final class LocalConnection {
  private final Descriptor descriptor;
  private final OperationInput input = new OperationInput(this::receive);
  private boolean pausing;
  private boolean paused;
  private boolean closed;
  private boolean ended;

  /** An operation is to be served again, from its first byte. */
  private static final class PausedException extends IOException {
    private static final long serialVersionUID = 1L;
  }

  /** Sends at once; it waits while the client's buffer is full. */
  private final class Output extends OutputStream {
    @Override
    public void write(int value) throws IOException {
      write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      Objects.checkFromIndexSize(offset, length, bytes.length);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment copy = arena.allocate(Math.max(1, length));
        MemorySegment.copy(bytes, offset, copy, JAVA_BYTE, 0, length);
        try {
          send(copy.asSlice(0, length));
        } finally {
          copy.fill((byte) 0); // An answer may have keys in it.
        }
      }
    }
  }

  LocalConnection(Descriptor descriptor) {
    this.descriptor = descriptor;
  }

  /** A connection of which another process has read {@code first}, and not served it. */
  LocalConnection(Descriptor descriptor, byte[] first) {
    this(descriptor);
    input.prepend(first);
  }

  /** Serves operations until the client or the server ends the connection. */
  void serve(Conversation.Handler handler) throws IOException {
    try (descriptor;
        Conversation conversation = handler.begin(input, new Output())) {
      awaitOperation();
      while (serveOne(conversation)) {
        awaitOperation();
      }
    } finally {
      input.wipe();
      end();
    }
  }

  /** Serves one operation; returns whether another may follow. */
  private boolean serveOne(Conversation conversation) throws IOException {
    try {
      boolean more = conversation.serve();
      input.endOperation();
      return more;
    } catch (PausedException e) {
      input.restartOperation();
      return true;
    }
  }

  /** Waits until an operation begins, or the stream ends. */
  private void awaitOperation() throws IOException {
    do {
      park();
    } while (!input.hasBytes()
        && descriptor.await(LibC.POLLIN, Descriptor.FOREVER) != Descriptor.Outcome.READY);
  }

  /** Stays here for as long as the connection is to be paused. */
  private synchronized void park() throws IOException {
    while (pausing && !closed) {
      paused = true;
      notifyAll();
      try {
        wait();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
    }
    paused = false;
    if (closed) {
      throw new ClosedChannelException();
    }
  }

  private int receive(byte[] target, int offset, boolean mayPause) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment chunk = arena.allocate(target.length - offset);
      while (true) {
        long count =
            descriptor.call(
                fd -> LIBC.recv(fd, chunk.address(), chunk.byteSize(), LibC.MSG_DONTWAIT));
        if (count >= 0) {
          MemorySegment.copy(chunk, JAVA_BYTE, 0, target, offset, (int) count);
          chunk.fill((byte) 0); // A request may have keys in it.
          return (int) count;
        }
        if (count == -Errno.EAGAIN && mayPause && isPausing()) {
          throw new PausedException();
        }
        await(LibC.POLLIN, "read from a client", (int) -count);
      }
    }
  }

  private void send(MemorySegment bytes) throws IOException {
    for (long at = 0; at < bytes.byteSize(); ) {
      MemorySegment rest = bytes.asSlice(at);
      int flags = LibC.MSG_DONTWAIT | LibC.MSG_NOSIGNAL;
      long count =
          descriptor.call(fd -> LIBC.sendto(fd, rest.address(), rest.byteSize(), flags, 0, 0));
      if (count >= 0) {
        at += count;
      } else {
        await(LibC.POLLOUT, "write to a client", (int) -count);
      }
    }
  }

  /** Waits before another attempt at a call that failed with {@code errno}. */
  private void await(short event, String call, int errno) throws IOException {
    if (errno == Errno.EAGAIN) {
      descriptor.await(event, Descriptor.FOREVER);
    } else if (errno != Errno.EINTR) {
      throw new ErrnoException(call, errno);
    }
  }

  private synchronized boolean isPausing() {
    return pausing;
  }

  /** Asks the thread to pause. */
  synchronized void pause() {
    pausing = true;
    descriptor.wake();
  }

  /**
   * Waits until the thread is paused or has ended.
   *
   * @param deadline on the scale of {@link System#nanoTime}; a connection that is not paused by
   *     then is closed
   * @return whether it is paused: then the connection can be given away
   */
  synchronized boolean awaitPause(long deadline) throws InterruptedException {
    while (!paused && !ended && !closed) {
      long rest = deadline - System.nanoTime();
      if (rest <= 0) {
        close();
      } else {
        TimeUnit.NANOSECONDS.timedWait(this, rest);
      }
    }
    return paused && !ended && !closed;
  }

  /** Lets the thread go on. */
  synchronized void resume() {
    pausing = false;
    notifyAll();
  }

  private synchronized void end() {
    ended = true;
    notifyAll();
  }

  /** The descriptor, for passing it on while the connection is paused. */
  int fd() {
    return descriptor.fd();
  }

  /** Bytes that were read and not served, for the caller to wipe; only while paused. */
  byte[] unserved() {
    return input.kept();
  }

  /** Ends the connection, also in the midst of an operation. */
  synchronized void close() {
    closed = true;
    descriptor.close();
    notifyAll();
  }
}
