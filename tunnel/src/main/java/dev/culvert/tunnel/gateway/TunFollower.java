// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LinkEvent;
import dev.culvert.tunnel.kernel.LinkMonitor;
import dev.culvert.tunnel.port.DeviceGoneException;
import dev.culvert.tunnel.port.Tun;
import dev.culvert.tunnel.port.TunPlace;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Follows the TUN device if other programs rename it or move it to another network namespace and
 * back, as container runtimes do. The UDP sockets stay in their namespace. A kernel message is only
 * the occasion to query the device itself, since a move is reported as a deletion is, and another
 * device may have its former name and index by then.
 */
final class TunFollower {
  private static final EventLog LOG = EventLog.of(TunFollower.class);

  /** Receives changes, on any thread. */
  interface Listener {
    /** The device has this MTU in bytes now, perhaps the same as before. */
    void mtu(int mtu);

    /** The device or its namespace was deleted, or it was moved although it has to stay. */
    void gone();
  }

  private final Tun tun;
  private final Listener listener;
  private @Nullable LinkMonitor monitor;
  private @Nullable TunPlace place;
  private boolean stays;
  private volatile int indexAtHome = -1;

  TunFollower(Tun tun, Listener listener) {
    this.tun = tun;
    this.listener = listener;
  }

  /**
   * Starts to follow.
   *
   * @param news the monitor whose events come to {@link #hear}
   */
  synchronized void start(LinkMonitor news) {
    monitor = news;
    follow();
  }

  /** From now on a device that was renamed or moved counts as gone. */
  synchronized void endWhenMoved() {
    stays = true;
    follow();
  }

  /**
   * Its index in the namespace in which it was created; negative while it is elsewhere, or unknown.
   */
  int indexAtHome() {
    return indexAtHome;
  }

  /** To be called with all events of interfaces. */
  synchronized void hear(LinkEvent event) {
    if (place != null && isAbout(place, event)) {
      follow();
    }
  }

  private static boolean isAbout(TunPlace place, LinkEvent event) {
    int index = place.link().index();
    return switch (event) {
      case LinkEvent.Changed e -> place.home() && e.after().index() == index;
      case LinkEvent.Gone e -> place.home() && e.link().index() == index;
      case LinkEvent.Elsewhere e ->
          !place.home() && (e.interfaceIndex() == index || e.interfaceIndex() == 0);
      case LinkEvent.Added _,
          LinkEvent.AddressesChanged _,
          LinkEvent.RoutesChanged _,
          LinkEvent.RulesChanged _ ->
          false;
    };
  }

  /** Queries the device's place and properties, since an event may be older than the last query. */
  private void follow() {
    try {
      TunPlace now = tun.locate();
      if (!now.home() && (place == null || place.home())) {
        hearEverywhere();
        now = tun.locate();
      }
      if (place != null && !now.isAt(place)) {
        LOG.per(tun.name())
            .info(
                LogEvent.INTERFACE_MOVED,
                "{} is {} in {} now",
                Field.tunnel(tun.name()),
                now.link().name(),
                now.home() ? "its first network namespace" : now.namespace());
      }
      place = now;
      indexAtHome = now.home() ? now.link().index() : -1;
      if (stays && !(now.home() && now.link().name().equals(tun.name()))) {
        LOG.per(tun.name())
            .error(
                LogEvent.INTERFACE_GONE,
                "{} was renamed or moved away: this ends",
                Field.tunnel(tun.name()));
        listener.gone();
      } else {
        listener.mtu(now.link().mtu());
      }
    } catch (DeviceGoneException e) {
      listener.gone();
    } catch (IOException e) {
      LOG.per(tun.name())
          .warn(
              LogEvent.MTU_UNKNOWN,
              "{}: its MTU cannot be asked for and stays: {}",
              Field.tunnel(tun.name()),
              Field.reason(e.getMessage()));
    }
  }

  private void hearEverywhere() {
    try {
      if (monitor != null) {
        monitor.hearEverywhere();
      }
    } catch (ErrnoException e) {
      LOG.per(tun.name())
          .warn(
              LogEvent.MTU_UNKNOWN,
              "{} was moved to another network namespace; its MTU there is not followed: {}",
              Field.tunnel(tun.name()),
              Field.reason(e.getMessage()));
    }
  }
}
