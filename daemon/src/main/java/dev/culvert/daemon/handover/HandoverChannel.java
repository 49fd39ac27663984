// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.handover;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.daemon.handover.HandoverException.Kind;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.kernel.DescriptorSocket;
import dev.culvert.tunnel.kernel.ErrnoException;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.ProtocolException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/**
 * The messages of a hand-over. Each begins with the number of its step; the predecessor and the
 * successor take turns.
 */
final class HandoverChannel implements AutoCloseable {
  /** The version of these messages, in the first one of each end. */
  static final int PROTOCOL = 1;

  /** The steps, whose numbers must not change. */
  enum Step {
    /** Successor: who it is, and which formats of the state it reads. */
    HELLO,
    /** Predecessor: in which format it writes the state. */
    WELCOME,
    /** Successor: is about to guard and steer by its own configuration. */
    PREPARE,
    /**
     * Predecessor: leaves the kernel's rules, its sockets and its configuration alone from here on,
     * and moves packets as before; the first descriptors.
     */
    PREPARED,
    /** Predecessor: more descriptors. */
    MORE,
    /** Successor: is ready to continue at once. */
    TAKE,
    /** Predecessor: moves no packets any more; the state, unless the successor cannot read it. */
    STATE,
    /** Successor: it is the one that sends from here on. */
    TAKEN,
    /** Either end: does not go on, and why. */
    REFUSED
  }

  /**
   * A message.
   *
   * @param body after the step's number
   * @param descriptors the receiver's own
   */
  record Received(StateReader body, List<Integer> descriptors) {
    void closeDescriptors() {
      descriptors.forEach(LIBC::close);
    }
  }

  private final DescriptorSocket socket;

  HandoverChannel(DescriptorSocket socket) {
    this.socket = socket;
  }

  /**
   * Refuses a process of another user.
   *
   * @throws HandoverException if the other end is one
   */
  void requireSameUser() throws IOException {
    requireSameUser("the other process", socket.peer().uid());
  }

  /**
   * Refuses another user.
   *
   * @param whose the thing that belongs to a user
   */
  static void requireSameUser(String whose, int user) throws HandoverException {
    if (user != LIBC.geteuid()) {
      throw new HandoverException(
          Kind.REFUSED,
          ("%s belongs to user %d and this process to user %d: run this as that user; for a gateway"
                  + " 'culvert upgrade' does so")
              .formatted(whose, user, LIBC.geteuid()),
          null);
    }
  }

  /** The other process, as it was when it connected; 0 if it is in another PID namespace. */
  long peerPid() throws IOException {
    return socket.peer().pid();
  }

  void send(Step step, Consumer<StateWriter> body, List<Integer> descriptors) throws IOException {
    try (StateWriter message = new StateWriter()) {
      message.int32(step.ordinal());
      body.accept(message);
      socket.send(message.written(), descriptors);
    } catch (SocketTimeoutException e) {
      throw new HandoverException(Kind.SILENT, "the other process does not read", e);
    } catch (ErrnoException e) {
      throw new HandoverException(
          Kind.CLOSED, "the other process has closed: " + e.getMessage(), e);
    }
  }

  void send(Step step) throws IOException {
    send(step, body -> {}, List.of());
  }

  /** Tells the other end that this one does not go on, if it still hears. */
  void refuse(String reason) throws IOException {
    byte[] text = reason.getBytes(UTF_8);
    send(Step.REFUSED, body -> body.bytes(text), List.of());
  }

  /**
   * Waits for the next message, which has to be of this step.
   *
   * @throws HandoverException if it is another one, or none comes
   */
  Received await(Step wanted, Duration patience) throws IOException {
    DescriptorSocket.Message message = receive(patience);
    StateReader body = new StateReader(MemorySegment.ofArray(message.bytes()));
    try {
      int step = body.int32();
      if (step == wanted.ordinal()) {
        return new Received(body, message.descriptors());
      }
      message.close();
      if (step == Step.REFUSED.ordinal()) {
        throw new HandoverException(
            Kind.REFUSED, "the other process refuses: " + body.text(), null);
      }
      throw new HandoverException(Kind.GARBLED, "message " + step + " instead of " + wanted, null);
    } catch (StateException e) {
      message.close();
      throw garbled(e);
    }
  }

  static HandoverException garbled(StateException e) {
    return new HandoverException(Kind.GARBLED, "a message: " + e.getMessage(), e);
  }

  private DescriptorSocket.Message receive(Duration patience) throws IOException {
    try {
      return socket.receive(patience);
    } catch (SocketTimeoutException e) {
      throw new HandoverException(
          Kind.SILENT, "the other process said nothing for " + patience.toMillis() + " ms", e);
    } catch (EOFException e) {
      throw new HandoverException(Kind.CLOSED, "the other process has closed", e);
    } catch (ProtocolException e) {
      throw new HandoverException(Kind.GARBLED, String.valueOf(e.getMessage()), e);
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
