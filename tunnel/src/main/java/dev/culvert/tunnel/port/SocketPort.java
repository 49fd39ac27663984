// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LibC;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * One socket of one family that carries the tunnel, for the trains of one lane. {@link #receive}
 * and {@link #send} belong to the lane; {@link #sendOne}, {@link #mark} and {@link #close} may be
 * called by any thread, but a lane stops before its port is closed.
 */
public abstract sealed class SocketPort implements MarkedSocket, AutoCloseable
    permits UdpPort, EspPort {
  private final int fd;
  private final IpFamily family;
  private final Sender sender;

  private final Object controlLock = new Object();
  private final Arena controlArena = Arena.ofAuto();
  private final SendBatch controlBatch;
  private final Sender controlSender;
  private boolean closed;

  SocketPort(int fd, IpFamily family, boolean segmentation) {
    this.fd = fd;
    this.family = family;
    sender = new Sender(LIBC, fd, segmentation, controlArena);
    controlBatch = new SendBatch(family, 1, controlArena);
    controlSender = new Sender(LIBC, fd, false, controlArena);
  }

  /** The descriptor, for waiting only; the port closes it. */
  public int fd() {
    return fd;
  }

  public IpFamily family() {
    return family;
  }

  /** Whether the kernel hands over runs of datagrams as one message. */
  public abstract boolean coalescing();

  /** Whether the kernel takes runs of datagrams as one message, as far as is known. */
  public boolean segmentation() {
    return sender.segmentation();
  }

  @Override
  public void mark(int mark) throws ErrnoException {
    synchronized (controlLock) {
      if (closed) {
        throw new ErrnoException("setsockopt SO_MARK", Errno.EBADF);
      }
      new SocketOptions(fd).set("SO_MARK", Wire.SOL_SOCKET, SocketOptions.SO_MARK, mark);
    }
  }

  /**
   * Receives the messages that have arrived, up to the batch's slots, without waiting.
   *
   * @return messages received, 0 if none has arrived
   */
  public int receive(ReceiveBatch batch) throws ErrnoException {
    batch.prepare(family);
    int messages = LIBC.recvmmsg(fd, batch.headersAddress(), batch.slots(), LibC.MSG_DONTWAIT, 0);
    if (messages < 0) {
      int errno = Errno.last();
      if (errno == Errno.EAGAIN || errno == Errno.EINTR) {
        return 0;
      }
      throw new ErrnoException("recvmmsg", errno);
    }
    parse(batch, messages);
    return messages;
  }

  /** Has the batch parse the messages that the kernel put into it. */
  void parse(ReceiveBatch batch, int messages) {
    batch.received(family, messages);
  }

  /**
   * Sends every train of the batch; a failing train does not affect the others. Waits for a full
   * socket a few milliseconds at most for the whole batch. The batch then tells which trains
   * failed, and why.
   *
   * @param segmented whether a train may be handed to the kernel as one message
   * @return datagrams that the kernel took
   */
  public int send(SendBatch batch, SendListener listener, boolean segmented) {
    if (batch.family() != family) {
      throw new IllegalArgumentException("a batch of " + batch.family() + " on " + family);
    }
    prepare(batch);
    return sender.send(batch, listener, segmented);
  }

  /** Adapts the batch to this kind of socket. */
  void prepare(SendBatch batch) {}

  /**
   * Sends one datagram, from any thread. If the kernel refuses the source address, the datagram is
   * sent without it.
   *
   * @param tos 0 to 255, for the outer header
   * @return 0, or the errno of the kernel's refusal
   */
  public int sendOne(MemorySegment memory, long offset, int length, Endpoint to, int tos) {
    synchronized (controlLock) {
      if (closed) {
        return Errno.EBADF;
      }
      controlBatch.clear();
      controlBatch.add(memory, offset, length, length, to, tos);
      prepare(controlBatch);
      controlSender.send(controlBatch, train -> {}, false);
      return controlBatch.errno(0);
    }
  }

  /** Closes the socket. Its lane must not use it any more. */
  @Override
  public void close() {
    synchronized (controlLock) {
      if (!closed) {
        closed = true;
        LIBC.close(fd);
      }
    }
  }
}
