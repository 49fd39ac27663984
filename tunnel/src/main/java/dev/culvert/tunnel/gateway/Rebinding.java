// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Changes the port and the mark of a tunnel together with its configuration, all or nothing.
 * Thread-safe.
 */
final class Rebinding {
  private final Underlay underlay;
  private final ControlLoop control;
  private final TunnelEngine engine;
  private final Consumer<Throwable> fail;

  /**
   * @param fail told when half a change cannot be undone
   */
  Rebinding(Underlay underlay, ControlLoop control, TunnelEngine engine, Consumer<Throwable> fail) {
    this.underlay = underlay;
    this.control = control;
    this.engine = engine;
    this.fail = fail;
  }

  /**
   * Changes port and mark together with {@code work} on the control thread. If the port is the
   * same, the sockets stay.
   *
   * @param port 0 for any that is free
   */
  synchronized void rebind(int port, int mark, Callable<@Nullable Void> work)
      throws DeviceException {
    int markBefore = underlay.mark();
    TunnelSockets fresh = null;
    try {
      if (port == 0 || port != underlay.port()) {
        fresh = underlay.bind(port, mark);
      } else {
        underlay.mark(mark);
      }
    } catch (IOException e) {
      throw DeviceException.of(e);
    }
    Underlay.Former former = fresh == null ? null : use(fresh, mark);
    try {
      control.ask(work);
    } catch (DeviceException e) {
      undo(former, markBefore, e);
      throw e;
    }
    if (former != null) {
      underlay.close(former);
    }
    if (fresh != null || mark != markBefore) {
      forgetSources();
    }
  }

  private void forgetSources() throws DeviceException {
    control.ask(
        () -> {
          engine.peers().forEach(TunnelPeer::forgetSource);
          return null;
        });
  }

  /**
   * Switches the sockets before anything else changes, so that the whole change is refused if lanes
   * do not answer.
   */
  private Underlay.Former use(TunnelSockets fresh, int mark) throws DeviceException {
    try {
      return underlay.use(fresh, mark);
    } catch (ErrnoException e) {
      throw DeviceException.of(e);
    } catch (IllegalStateException e) {
      throw new DeviceException(String.valueOf(e.getMessage()), Errno.EBUSY, e);
    }
  }

  /**
   * Undoes a change. If that fails, the gateway ends, since it must not go on with half a change.
   */
  private void undo(Underlay.@Nullable Former former, int markBefore, DeviceException cause) {
    try {
      if (former == null) {
        underlay.mark(markBefore);
      } else {
        underlay.goBack(former);
      }
    } catch (ErrnoException | RuntimeException e) {
      cause.addSuppressed(e);
      fail.accept(e);
    }
  }
}
