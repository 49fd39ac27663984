// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.handover.HandoverServer;
import dev.culvert.daemon.handover.Parcel;
import dev.culvert.daemon.socket.Handed;
import dev.culvert.daemon.socket.LocalServer;
import dev.culvert.daemon.uapi.UapiServer;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.port.OffloadModes;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A WireGuard device without a configuration file, which its users configure through the UAPI
 * socket. Its whole configuration is in its state, which a successor continues.
 */
public final class WireGuardService implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(WireGuardService.class);

  /** Not that of a gateway from a file, whose state has another layout. */
  private static final String ENGINE = "wireguard-uapi";

  private final WireGuardDevice device;
  private final UapiServer uapi;

  /** Null if this machine has no place for its socket. */
  private final @Nullable HandoverServer handovers;

  private final CountDownLatch ended = new CountDownLatch(1);
  private final AtomicReference<@Nullable String> failure = new AtomicReference<>();

  private final boolean takenOver;

  private WireGuardService(Machine machine, WireGuardDevice device, @Nullable Parcel from)
      throws IOException {
    this.device = device;
    takenOver = from != null;
    Handed handed = from == null ? Handed.NOTHING : from.uapi();
    uapi = UapiServer.open(machine.uapiDirectory(), device, handed);
    handovers = handovers(machine);
    endWith("link watch", device.tunnel()::awaitClosed);
    endWith("socket watch", uapi::awaitGone);
  }

  private @Nullable HandoverServer handovers(Machine machine) {
    try {
      return HandoverServer.open(machine.adminDirectory(), new Handing());
    } catch (IOException e) {
      LOG.warn(
          LogEvent.HANDOVER_FAILED,
          "{}: no other process can take it over: {}",
          Field.tunnel(device.tunnel().interfaceName()),
          Field.reason(String.valueOf(e.getMessage())));
      return null;
    }
  }

  /**
   * Makes the interface and serves its socket.
   *
   * @param offloads the wishes for the kernel's offloads
   * @throws java.nio.file.FileAlreadyExistsException if a live process has this name
   */
  public static WireGuardService start(Machine machine, String interfaceName, OffloadModes offloads)
      throws IOException {
    Succession.requireSettings();
    return serve(machine, machine.openWireGuard(interfaceName, 0, 0, offloads, null), null);
  }

  /**
   * Continues the device of another process, which then ends. Without such a process this is a
   * {@link #start}.
   *
   * @param offloads the wishes for the kernel's offloads
   * @param whenServing called when this process is about to be the one that serves: from then on a
   *     signal is for the device
   * @throws IOException if the other process does not hand over, or this one cannot take over: the
   *     other process goes on
   */
  public static WireGuardService replace(
      Machine machine, String interfaceName, OffloadModes offloads, Runnable whenServing)
      throws ConfigException, IOException {
    Optional<Succession> found =
        LocalServer.isLive(machine.uapiSocket(interfaceName))
            ? Succession.begin(
                machine.adminDirectory(),
                interfaceName,
                ENGINE,
                AeadAlgorithm.CHACHA20_POLY1305,
                false)
            : Optional.empty();
    if (found.isEmpty()) {
      Succession.comeFirst();
      whenServing.run();
      return start(machine, interfaceName, offloads);
    }
    try (Succession succession = found.get()) {
      Parcel from = succession.prepare();
      if (from == null) {
        throw new DeviceException(
            "the process that had its keys and peers has ended: configure it anew", Errno.ENODEV);
      }
      WireGuardDevice device =
          machine.inheritWireGuard(interfaceName, 0, 0, offloads, null, from.tunnel());
      try {
        succession.take(device.tunnel(), state -> restore(device, state, whenServing));
      } catch (ConfigException | IOException | RuntimeException e) {
        device.tunnel().close();
        throw e;
      }
      return serve(machine, device, from);
    }
  }

  private static void restore(
      WireGuardDevice device, @Nullable StateReader state, Runnable whenServing)
      throws IOException {
    if (state == null) {
      throw new DeviceException(
          "the device's keys and peers are known only to the process that ran it, and this one"
              + " cannot read them",
          Errno.EINVAL);
    }
    device.restore(state);
    whenServing.run();
    Succession.requireNotEnding();
  }

  private static WireGuardService serve(
      Machine machine, WireGuardDevice device, @Nullable Parcel from) throws IOException {
    try {
      return new WireGuardService(machine, device, from);
    } catch (IOException | RuntimeException e) {
      device.tunnel().close();
      throw e;
    }
  }

  /** Returns when the device is to end. */
  private interface Wait {
    void await() throws InterruptedException;
  }

  private void endWith(String name, Wait wait) {
    Thread.ofVirtual()
        .name(name)
        .start(
            () -> {
              try {
                wait.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              } finally {
                ended.countDown();
              }
            });
  }

  /** Whether another process had this device before. */
  public boolean wasTakenOver() {
    return takenOver;
  }

  /** Lets {@link #awaitEnd} return. */
  public void end() {
    ended.countDown();
  }

  /** Ends the device because of a failure. */
  public void giveUp(String reason) {
    failure.set(reason);
    ended.countDown();
  }

  /**
   * Waits until the link or the socket is deleted, another process has taken over, a part failed,
   * or {@link #end} is called.
   */
  public void awaitEnd() throws InterruptedException {
    ended.await();
  }

  /** The reason why it ended by itself, if it did. */
  public Optional<String> failure() {
    return Optional.ofNullable(failure.get()).or(device.tunnel()::failure);
  }

  /** Removes the device and its sockets, unless another process has them. */
  @Override
  public void close() throws IOException {
    try {
      if (handovers != null) {
        handovers.close();
      }
      uapi.close();
    } finally {
      device.tunnel().close();
    }
  }

  /** This device as it is handed over. */
  private final class Handing implements HandoverServer.Gateway {
    @Override
    public String interfaceName() {
      return device.tunnel().interfaceName();
    }

    @Override
    public String engine() {
      return ENGINE;
    }

    /** Its users steer the kernel; and they change the device only through the socket. */
    @Override
    public Parcel freeze() throws IOException {
      return new Parcel(device.tunnel().descriptors(), Handed.NOTHING, uapi.handOver());
    }

    @Override
    public void thaw() {
      uapi.resume();
    }

    @Override
    public void pause(StateWriter out) throws IOException {
      device.tunnel().pause(out);
    }

    @Override
    public void takeBack(@Nullable String doubt) throws IOException {
      device.tunnel().takeBack(doubt);
    }

    @Override
    public void leave(long successor) {
      end();
    }

    @Override
    public void failed(long successor) {
      // Nobody counts for a device without a configuration file.
    }

    @Override
    public void giveUp(String reason) {
      WireGuardService.this.giveUp(reason);
    }
  }
}
