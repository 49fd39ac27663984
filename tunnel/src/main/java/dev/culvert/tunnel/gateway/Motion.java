// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.MonotonicClock;
import dev.culvert.tunnel.lane.Lanes;
import dev.culvert.tunnel.port.Tun;
import dev.culvert.tunnel.port.TunPort;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Starts and pauses the packets and timers of a gateway, so that another process can continue it.
 * The gateway calls one method at a time; {@link #isPaused}, {@link #refuseWhilePaused} and {@link
 * #add} are thread-safe.
 */
final class Motion {
  private final Tun tun;
  private final TunnelEngine engine;
  private final Lanes lanes;
  private final Underlay underlay;
  private final ControlLoop control;
  private final RestoreWatch restoreWatch;
  private final Supplier<GatewayStatus> counted;

  /** The part of a predecessor's state that is not its engine's, or null. */
  private volatile @Nullable SavedTunnel inherited;

  /** Whether a successor has the state, so that nothing may change any more. */
  private volatile boolean paused;

  /** Whether the lanes were started. */
  private boolean begun;

  /**
   * @param counted returns the counters that are not the engine's
   */
  Motion(
      Tun tun,
      TunnelEngine engine,
      Lanes lanes,
      Underlay underlay,
      ControlLoop control,
      RestoreWatch restoreWatch,
      Supplier<GatewayStatus> counted) {
    this.tun = tun;
    this.engine = engine;
    this.lanes = lanes;
    this.underlay = underlay;
    this.control = control;
    this.restoreWatch = restoreWatch;
    this.counted = counted;
  }

  /** Lets nothing move until {@link #begin}. To be called before anything else. */
  void hold() {
    control.quiet(true);
    underlay.pause();
  }

  /** Lets lanes and timers go on, or begin. */
  void begin() {
    paused = false;
    control.quiet(false);
    underlay.resume();
    if (begun) {
      lanes.resume(tun.ports());
    } else {
      lanes.start(tun.ports());
      begun = true;
    }
  }

  /** The time since the predecessor stopped to read; 0 without its state. */
  Duration sincePause() throws DeviceException {
    SavedTunnel saved = inherited;
    return saved == null ? Duration.ZERO : saved.sincePause();
  }

  /** Whether a successor has the state. */
  boolean isPaused() {
    return paused;
  }

  void refuseWhilePaused() throws DeviceException {
    if (paused) {
      throw new DeviceException(
          tun.name() + " is being handed over to another process", Errno.EBUSY);
    }
  }

  /** See {@link RunningTunnel#pause}. */
  void pause(StateWriter out) throws DeviceException {
    refuseWhilePaused();
    paused = true;
    try {
      long pausedMicros = MonotonicClock.micros();
      lanes.pause();
      underlay.pause();
      // Lets the thread finish a turn, in which the engine sends all that it has ready.
      control.ask(() -> null);
      control.ask(
          () -> {
            save(pausedMicros, out);
            return null;
          });
    } catch (IOException | RuntimeException e) {
      begin();
      // After a save that the control thread had begun when this gave up waiting for it.
      control.later(() -> control.quiet(false));
      throw e instanceof DeviceException device
          ? device
          : new DeviceException("cannot pause: " + e.getMessage(), Errno.EBUSY, e);
    }
  }

  /** On the control thread. */
  private void save(long pausedMicros, StateWriter out) throws IOException {
    if (!paused) {
      throw new DeviceException("the caller waits no more", Errno.EBUSY);
    }
    control.quiet(true);
    new SavedTunnel(pausedMicros, MonotonicClock.micros(), restoreWatch.trusted(), counted.get())
        .write(out);
    engine.save(out, System.nanoTime());
  }

  /**
   * Continues the state that another process has saved, before {@link #begin}.
   *
   * @throws DeviceException if it cannot be read; nothing was changed
   */
  void restore(StateReader in) throws DeviceException {
    control.ask(
        () -> {
          try {
            SavedTunnel saved = SavedTunnel.read(in);
            engine.restore(in, saved.savedAtNanos());
            inherited = saved;
            restoreWatch.trust(saved.clockOffsetNanos());
            return null;
          } catch (StateException e) {
            throw DeviceException.unreadable(e);
          }
        });
  }

  /** See {@link RunningTunnel#takeBack}. */
  void takeBack(@Nullable String doubt) throws DeviceException {
    if (doubt != null) {
      engine.distrustKeys(doubt);
    }
    control.ask(
        () -> {
          engine.jumpAhead();
          underlay.markAgain();
          return null;
        });
    begin();
  }

  /** See {@link RunningTunnel#descriptors}. */
  Descriptors descriptors() throws DeviceException {
    TunnelSockets sockets = underlay.sockets();
    if (sockets == null) {
      throw DeviceException.closed();
    }
    return sockets.descriptors(queues());
  }

  /** The descriptors of the TUN queues. */
  List<Integer> queues() {
    return tun.ports().stream().map(TunPort::fd).toList();
  }

  /** See {@link RunningTunnel#discardWaiting}. */
  int discardWaiting() throws DeviceException {
    if (begun) {
      throw new IllegalStateException("the lanes read the queues already");
    }
    try {
      int discarded = 0;
      for (TunPort port : tun.ports()) {
        discarded += port.discard(Tun.QUEUE_PACKETS);
      }
      return discarded;
    } catch (IOException e) {
      throw DeviceException.of(e);
    }
  }

  /** Adds the counters of predecessors. */
  StatusSum add(StatusSum sum) {
    SavedTunnel saved = inherited;
    return saved == null ? sum : sum.before(saved.counted());
  }
}
