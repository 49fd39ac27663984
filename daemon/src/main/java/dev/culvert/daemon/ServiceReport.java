// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.observe.Health;
import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import java.time.Duration;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Reports a gateway to the service manager: that it is ready once /readyz would say so, signs of
 * life while /livez would say that it lives, reloads, and its end. A gateway of which a part is
 * stuck sends no sign of life, so that the manager starts it anew; the guard stays meanwhile.
 */
final class ServiceReport implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(ServiceReport.class);

  /** Between two looks at a gateway that is not ready. */
  static final Duration UNREADY_STEP = Duration.ofMillis(250);

  /** The time that a gateway asks for that lives and is not ready. */
  static final Duration PATIENCE = Duration.ofSeconds(30);

  /** A longer start is asked for that often, and a third of the patience is left then. */
  private static final Duration EXTENSION_STEP = Duration.ofSeconds(20);

  /** For a gateway that no manager listens to. */
  static final ServiceReport NONE =
      new ServiceReport(new ServiceManager(null, null), () -> Health.NOTHING, () -> Health.NOTHING);

  private final ServiceManager manager;
  private final Supplier<Health> ready;
  private final Supplier<Health> live;
  private @Nullable Thread thread;
  private String status = "";
  private boolean told;
  private boolean stopping;
  private int reloads;
  private long extendedAt;

  /**
   * @param ready whether packets are encrypted and delivered now
   * @param live whether the program works; may wait for its threads
   */
  ServiceReport(ServiceManager manager, Supplier<Health> ready, Supplier<Health> live) {
    this.manager = manager;
    this.ready = ready;
    this.live = live;
  }

  /** Reports from a thread of its own until {@link #close}, if a manager listens. */
  synchronized void start() {
    if (!manager.listens()) {
      return;
    }
    extendedAt = System.nanoTime();
    thread = Thread.ofPlatform().daemon().name("service-report").start(this::run);
  }

  private void run() {
    try {
      Duration pause = step(System.nanoTime());
      while (pause != null) {
        Thread.sleep(pause);
        pause = step(System.nanoTime());
      }
    } catch (InterruptedException e) {
      LOG.debug(LogEvent.MANAGER_UNTOLD, "the service manager hears no more: {}", e.getMessage());
    }
  }

  /**
   * Looks at the gateway once and tells the manager.
   *
   * @param nowNanos the time
   * @return until the next look; null if there is nothing to tell any more
   */
  @Nullable Duration step(long nowNanos) {
    if (!isTold()) {
      Health now = ready.get();
      if (!now.good()) {
        waitFor(now, nowNanos);
        return UNREADY_STEP;
      }
      if (!becomeReady()) {
        return UNREADY_STEP;
      }
    }
    Duration watchdog = manager.watchdog();
    if (watchdog == null) {
      return null;
    }
    feed(live.get());
    return watchdog.dividedBy(2);
  }

  private synchronized boolean isTold() {
    return told;
  }

  private void waitFor(Health unready, long nowNanos) {
    boolean due = nowNanos - extension() >= EXTENSION_STEP.toNanos();
    boolean lives = due && live.get().good();
    synchronized (this) {
      if (stopping) {
        return;
      }
      say("not ready: " + unready.failed());
      if (lives) {
        extendedAt = nowNanos;
        manager.tell("EXTEND_TIMEOUT_USEC=" + ServiceManager.micros(PATIENCE));
      }
    }
  }

  private synchronized long extension() {
    return extendedAt;
  }

  private synchronized boolean becomeReady() {
    if (!stopping && manager.tell("READY=1", "STATUS=ready")) {
      status = "ready";
      told = true;
    }
    return told;
  }

  private synchronized void feed(Health now) {
    if (stopping) {
      return;
    }
    if (now.good()) {
      if (reloads == 0) {
        say("ready");
      }
      manager.tell("WATCHDOG=1");
    } else {
      LOG.per("stuck")
          .error(
              LogEvent.GATEWAY_STUCK, "no sign of life for the service manager: {}", now.failed());
      say("stuck: " + now.failed());
    }
  }

  /** Tells a status if it is another than the last one. Called under the lock. */
  private void say(String now) {
    if (!now.equals(status) && manager.tell("STATUS=" + now)) {
      status = now;
    }
  }

  /** Tells that a reload begins. */
  synchronized void reloading() {
    if (told && !stopping && reloads++ == 0) {
      status = "reloading";
      manager.reloading();
    }
  }

  /** Tells that a reload has ended, whichever way: the gateway works as before or as wanted. */
  synchronized void reloaded() {
    if (told && !stopping && reloads > 0 && --reloads == 0) {
      status = "ready";
      manager.tell("READY=1", "STATUS=ready");
    }
  }

  /** Tells that the gateway ends; the manager hears nothing after it. May be called again. */
  synchronized void stopping() {
    if (!stopping) {
      stopping = true;
      manager.tell("STOPPING=1", "STATUS=stopping; the guard stays");
    }
  }

  @Override
  public void close() {
    stopping();
    synchronized (this) {
      if (thread != null) {
        thread.interrupt();
      }
    }
  }
}
