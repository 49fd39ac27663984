// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.handover;

import dev.culvert.daemon.handover.HandoverChannel.Received;
import dev.culvert.daemon.handover.HandoverChannel.Step;
import dev.culvert.daemon.handover.HandoverException.Kind;
import dev.culvert.daemon.socket.LocalServer;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.kernel.DescriptorSocket;
import dev.culvert.tunnel.kernel.PidFd;
import dev.culvert.tunnel.kernel.SealedMemory;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Hands the running gateway over to another process that asks for it at {@code
 * DIRECTORY/IFACE.handover}. From the moment at which the state leaves this process, this gateway
 * goes on only if the other process has surely ended or has given the state up.
 */
public final class HandoverServer implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(HandoverServer.class);

  /** The format in which this version writes the state. */
  static final int FORMAT = 1;

  /** The longest wait for a successor that has only connected. */
  private static final Duration HELLO_PATIENCE = Duration.ofSeconds(5);

  /** The longest wait for a successor that guards and steers; thousands of nodes take seconds. */
  private static final Duration PREPARE_PATIENCE = Duration.ofSeconds(60);

  /**
   * The longest wait for a successor that has the state, during which nobody moves packets. It is
   * killed then, since this gateway may go on only after its end.
   */
  private static final Duration TAKE_PATIENCE = Duration.ofSeconds(2);

  private static final Duration END_PATIENCE = Duration.ofSeconds(2);

  private static final Duration ACCEPT_STEP = Duration.ofSeconds(10);

  /** The gateway that is handed over. Its methods are called one after another. */
  public interface Gateway {
    String interfaceName();

    /** The engine, {@code wireguard} or {@code esp}: only the same one reads the state. */
    String engine();

    /**
     * Stops to change the kernel's state and the configuration, and to serve its local sockets;
     * packets are moved as before.
     */
    Parcel freeze() throws IOException;

    /** Undoes {@link #freeze}. */
    void thaw() throws IOException;

    /** Stops to move packets, and writes the state. */
    void pause(StateWriter out) throws IOException;

    /**
     * Undoes {@link #pause}.
     *
     * @param doubt the reason why the keys may have been used by another process; null if they
     *     surely were not
     */
    void takeBack(@Nullable String doubt) throws IOException;

    /** Ends this process's part: the process {@code successor} has the gateway. */
    void leave(long successor);

    /** Counts an attempt of the process {@code successor}, after which this gateway goes on. */
    void failed(long successor);

    /** Ends this gateway, since another process may have it. */
    void giveUp(String reason);
  }

  /** The end of an attempt to give the state away. */
  private enum Outcome {
    /** The successor sends from here on. */
    TAKEN,
    /** The successor has surely not sent, and never will. */
    NOT_TAKEN,
    /** The successor said that it sends, and has ended. */
    TAKEN_AND_ENDED,
    /** It is not known whether the successor sends. */
    UNKNOWN
  }

  private final DescriptorSocket.Listener listener;
  private final Gateway gateway;

  /** Whether there is nothing to hand over any more. */
  private volatile boolean over;

  private HandoverServer(DescriptorSocket.Listener listener, Gateway gateway) {
    this.listener = listener;
    this.gateway = gateway;
  }

  static Path path(Path directory, String interfaceName) {
    return directory.resolve(interfaceName + ".handover");
  }

  /**
   * Waits for successors from now on.
   *
   * @param directory of the admin sockets, made if it does not exist
   */
  public static HandoverServer open(Path directory, Gateway gateway) throws IOException {
    LocalServer.makeDirectory(directory);
    HandoverServer server =
        new HandoverServer(
            DescriptorSocket.Listener.takeOver(path(directory, gateway.interfaceName())), gateway);
    Thread.ofPlatform().daemon().name("hand-over").start(server::run);
    return server;
  }

  private void run() {
    try {
      while (!over) {
        serveNext();
      }
    } catch (ClosedChannelException e) {
      return; // close() was called
    } catch (IOException e) {
      LOG.error(
          LogEvent.HANDOVER_FAILED,
          "{}: no successor can take over any more: {}",
          Field.tunnel(gateway.interfaceName()),
          Field.reason(e.getMessage()));
    }
  }

  private void serveNext() throws IOException {
    DescriptorSocket socket;
    try {
      socket = listener.accept(ACCEPT_STEP);
    } catch (SocketTimeoutException e) {
      return;
    }
    try (HandoverChannel channel = new HandoverChannel(socket)) {
      channel.requireSameUser();
      serve(channel);
    } catch (IOException | RuntimeException e) {
      LOG.per("hand-over")
          .warn(
              LogEvent.HANDOVER_FAILED,
              "{} is not handed over, and goes on: {}",
              Field.tunnel(gateway.interfaceName()),
              Field.reason(String.valueOf(e.getMessage())));
    }
  }

  private void serve(HandoverChannel channel) throws IOException {
    Received hello = channel.await(Step.HELLO, HELLO_PATIENCE);
    try (PidFd successor = successor(hello)) {
      int format = format(channel, hello.body());
      try (PidFd self = PidFd.ofThisProcess()) {
        channel.send(
            Step.WELCOME,
            body -> body.int32(HandoverChannel.PROTOCOL).int32(format),
            List.of(self.fd()));
      }
      channel.await(Step.PREPARE, PREPARE_PATIENCE).closeDescriptors();
      long pid = channel.peerPid();
      End end = End.GOES_ON;
      try {
        ParcelPost.send(channel, gateway.freeze());
        channel.await(Step.TAKE, PREPARE_PATIENCE).closeDescriptors();
        end = handOver(channel, successor, format);
      } finally {
        if (end == End.GOES_ON) {
          thaw(pid);
        }
      }
      over = end != End.GOES_ON;
      if (end == End.LEAVES) {
        leave(pid);
      }
    }
  }

  private void leave(long successor) {
    try {
      LOG.info(
          LogEvent.HANDOVER_GIVEN,
          "{} was handed over to process {}: this one ends",
          Field.tunnel(gateway.interfaceName()),
          successor);
    } finally {
      gateway.leave(successor);
    }
  }

  /** Goes on as before; without a guard that is kept, the gateway ends instead. */
  private void thaw(long successor) {
    gateway.failed(successor);
    try {
      gateway.thaw();
    } catch (IOException | RuntimeException e) {
      gateway.giveUp("it cannot keep its guard after a hand-over that failed: " + e.getMessage());
    }
  }

  private static PidFd successor(Received hello) throws IOException {
    if (hello.descriptors().size() != 1) {
      hello.closeDescriptors();
      throw new HandoverException(Kind.GARBLED, "a successor without its own descriptor", null);
    }
    return PidFd.received(hello.descriptors().getFirst());
  }

  /** The format of the state for this successor, 0 if it can read none of ours. */
  private int format(HandoverChannel channel, StateReader hello) throws IOException {
    try {
      int protocol = hello.int32();
      int oldest = hello.int32();
      int newest = hello.int32();
      String name = hello.text();
      String engine = hello.text();
      if (protocol != HandoverChannel.PROTOCOL) {
        throw refusal(channel, "it speaks version " + protocol + " of the hand-over");
      }
      if (!name.equals(gateway.interfaceName())) {
        throw refusal(channel, "it asks for " + name + ", and this is " + gateway.interfaceName());
      }
      boolean readable = oldest <= FORMAT && FORMAT <= newest && engine.equals(gateway.engine());
      return readable ? FORMAT : 0;
    } catch (StateException e) {
      throw HandoverChannel.garbled(e);
    }
  }

  private static HandoverException refusal(HandoverChannel channel, String reason)
      throws IOException {
    channel.refuse(reason);
    return new HandoverException(Kind.REFUSED, reason, null);
  }

  /** How this process's part in a hand-over ends. */
  private enum End {
    /** This gateway goes on. */
    GOES_ON,
    /** Another process has it. */
    LEAVES,
    /** It is lost, and ends. */
    LOST
  }

  private End handOver(HandoverChannel channel, PidFd successor, int format) throws IOException {
    try (StateWriter state = new StateWriter()) {
      gateway.pause(state);
      return end(give(channel, successor, state, format));
    }
  }

  private End end(Outcome outcome) {
    return switch (outcome) {
      case TAKEN -> End.LEAVES;
      case NOT_TAKEN -> goOn(null);
      case TAKEN_AND_ENDED -> goOn("the process that had taken over has ended");
      case UNKNOWN -> {
        gateway.giveUp("another process may have taken over, and it cannot be ended");
        yield End.LOST;
      }
    };
  }

  private End goOn(@Nullable String doubt) {
    try {
      gateway.takeBack(doubt);
      return End.GOES_ON;
    } catch (IOException | RuntimeException e) {
      gateway.giveUp("it cannot go on after a hand-over that failed: " + e.getMessage());
      return End.LOST;
    }
  }

  private Outcome give(HandoverChannel channel, PidFd successor, StateWriter state, int format) {
    try {
      send(channel, state, format);
      channel.await(Step.TAKEN, TAKE_PATIENCE).closeDescriptors();
      return Outcome.TAKEN;
    } catch (IOException | RuntimeException e) {
      LOG.warn(
          LogEvent.HANDOVER_FAILED,
          "{}: the successor did not take over: {}",
          Field.tunnel(gateway.interfaceName()),
          Field.reason(String.valueOf(e.getMessage())));
      if (e instanceof HandoverException refused && refused.kind() == Kind.REFUSED) {
        return Outcome.NOT_TAKEN;
      }
    }
    return afterEndOf(successor, channel);
  }

  private static void send(HandoverChannel channel, StateWriter state, int format)
      throws IOException {
    if (format == 0) {
      channel.send(Step.STATE);
      return;
    }
    try (SealedMemory memory = SealedMemory.of("culvert-state", state.written())) {
      channel.send(Step.STATE, body -> {}, List.of(memory.fd()));
    }
  }

  /** Makes sure that the successor has ended, and finds out whether it had begun to send. */
  private static Outcome afterEndOf(PidFd successor, HandoverChannel channel) {
    try {
      if (!successor.hasEnded(Duration.ZERO)) {
        successor.kill();
      }
      if (!successor.hasEnded(END_PATIENCE)) {
        return Outcome.UNKNOWN;
      }
      // It says so before it sends, and its message outlives it.
      channel.await(Step.TAKEN, Duration.ZERO).closeDescriptors();
      return Outcome.TAKEN_AND_ENDED;
    } catch (HandoverException e) {
      return Outcome.NOT_TAKEN; // Only the last message can be missing: the process has ended.
    } catch (IOException e) {
      LOG.error(
          LogEvent.HANDOVER_FAILED,
          "the successor cannot be ended: {}",
          Field.reason(String.valueOf(e.getMessage())));
      return Outcome.UNKNOWN;
    }
  }

  /** Stops to wait for successors. */
  @Override
  public void close() throws IOException {
    if (over) {
      listener.leave();
    } else {
      listener.close();
    }
  }
}
