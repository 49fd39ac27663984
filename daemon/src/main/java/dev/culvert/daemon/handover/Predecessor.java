// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.handover;

import dev.culvert.daemon.handover.HandoverChannel.Received;
import dev.culvert.daemon.handover.HandoverChannel.Step;
import dev.culvert.daemon.handover.HandoverException.Kind;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.kernel.DescriptorSocket;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.PidFd;
import dev.culvert.tunnel.kernel.SealedMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A gateway in another process, of which this process is to be the successor. The methods are
 * called in their order. Closing before {@link #taken} leaves the gateway to the other process.
 */
public final class Predecessor implements AutoCloseable {
  /** The oldest format of the state that this version reads. */
  private static final int OLDEST_FORMAT = 1;

  /** More than the state of 100,000 peers. */
  private static final long MOST_BYTES = 1L << 30;

  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /** The longest wait for the end of a process that has closed its end of the connection. */
  private static final Duration END_PATIENCE = Duration.ofSeconds(1);

  private final HandoverChannel channel;
  private final PidFd process;

  private Predecessor(HandoverChannel channel, PidFd process) {
    this.channel = channel;
    this.process = process;
  }

  /**
   * Looks for a process that may hand over a gateway, without a word to it.
   *
   * @param directory of the admin sockets
   * @return false if there is none
   * @throws HandoverException if it belongs to another user
   */
  public static boolean mayHandOver(Path directory, String interfaceName) throws IOException {
    try {
      Path socket = HandoverServer.path(directory, interfaceName);
      HandoverChannel.requireSameUser(
          socket.toString(), (int) Files.getAttribute(socket, "unix:uid"));
      return true;
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  /**
   * Asks the process that runs a gateway, if there is one.
   *
   * @param directory of the admin sockets
   * @param engine {@code wireguard} or {@code esp}
   * @return empty if no process answers there
   * @throws HandoverException if that process refuses
   */
  public static Optional<Predecessor> find(Path directory, String interfaceName, String engine)
      throws IOException {
    DescriptorSocket socket;
    try {
      socket = DescriptorSocket.connect(HandoverServer.path(directory, interfaceName));
    } catch (ErrnoException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.ECONNREFUSED) {
        return Optional.empty();
      }
      throw e;
    }
    HandoverChannel channel = new HandoverChannel(socket);
    try {
      return Optional.of(greet(channel, interfaceName, engine));
    } catch (StateException e) {
      channel.close();
      throw HandoverChannel.garbled(e);
    } catch (HandoverException e) {
      channel.close();
      throw gone(e);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private static Predecessor greet(HandoverChannel channel, String interfaceName, String engine)
      throws IOException, StateException {
    channel.requireSameUser();
    try (PidFd self = PidFd.ofThisProcess()) {
      channel.send(
          Step.HELLO,
          body ->
              body.int32(HandoverChannel.PROTOCOL)
                  .int32(OLDEST_FORMAT)
                  .int32(HandoverServer.FORMAT)
                  .text(interfaceName)
                  .text(engine),
          List.of(self.fd()));
    }
    Received welcome = channel.await(Step.WELCOME, PATIENCE);
    if (welcome.descriptors().size() != 1) {
      welcome.closeDescriptors();
      throw new HandoverException(Kind.GARBLED, "a predecessor without its descriptor", null);
    }
    PidFd process = PidFd.received(welcome.descriptors().getFirst());
    try {
      welcome.body().int32(); // The protocol's version, which it has compared.
      welcome.body().int32(); // The state's format; the state says whether it is there.
      return new Predecessor(channel, process);
    } catch (StateException e) {
      process.close();
      throw e;
    }
  }

  private static HandoverException gone(HandoverException e) {
    return e.kind() == Kind.CLOSED
        ? new HandoverException(
            Kind.CLOSED,
            "the other process has closed the connection: it has ended, has handed over to a third one,"
                + " or refuses this one, and its log tells why",
            e)
        : e;
  }

  /**
   * Makes it leave the kernel's state, its sockets and its configuration alone. It moves packets as
   * before, and until {@link #taken} this process must neither send nor receive.
   *
   * @return its descriptors, which are the caller's
   * @throws HandoverException if it does not
   */
  public Parcel prepare() throws IOException {
    channel.send(Step.PREPARE);
    return ParcelPost.receive(channel, PATIENCE);
  }

  /**
   * Makes it stop to move packets, and takes its state.
   *
   * @return null if the state is of a version, or of an engine, that this process cannot read
   * @throws HandoverException if it does not
   */
  public SealedMemory.@Nullable Content take() throws IOException {
    channel.send(Step.TAKE);
    Received state = channel.await(Step.STATE, PATIENCE);
    try {
      return state.descriptors().isEmpty()
          ? null
          : SealedMemory.read(state.descriptors().getFirst(), MOST_BYTES);
    } finally {
      state.closeDescriptors();
    }
  }

  /**
   * Tells it that this process sends from now on. Only once this has returned, this process may.
   *
   * @throws HandoverException if it may go on itself: this process must not send
   */
  public void taken() throws IOException {
    try {
      channel.send(Step.TAKEN);
    } catch (IOException e) {
      if (!hasEnded()) {
        throw e;
      }
    }
  }

  /** Gives up, so that the predecessor goes on: this process has not sent, and never will. */
  public void refuse(String reason) throws IOException {
    channel.refuse(reason);
  }

  /** Whether it has ended, so that it never sends again. */
  public boolean hasEnded() throws IOException {
    return process.hasEnded(END_PATIENCE);
  }

  @Override
  public void close() {
    channel.close();
    process.close();
  }
}
