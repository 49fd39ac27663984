// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.observe.Health;
import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.kernel.NotifySocket;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
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

  /** Between two looks at a gateway that gave no sign of life; not longer than between others. */
  static final Duration UNFED_STEP = Duration.ofMillis(500);

  /**
   * Signs of life per watchdog time. A gateway that is only slow answers a look late, by up to
   * {@link Health#STUCK}, and one look may fail; the time suffices for both.
   */
  private static final int SIGNS = 4;

  /** The time that a gateway asks for that lives and is not ready. */
  static final Duration PATIENCE = Duration.ofSeconds(30);

  /** A longer start is asked for that often, and a third of the patience is left then. */
  private static final Duration EXTENSION_STEP = Duration.ofSeconds(20);

  /** For a gateway that no manager listens to. */
  static final ServiceReport NONE =
      new ServiceReport(ServiceManager.NONE, () -> Health.NOTHING, () -> Health.NOTHING);

  private final ServiceManager manager;
  private final Supplier<Health> ready;
  private final Supplier<Health> live;
  private volatile @Nullable Thread thread;
  private String status = "";
  private boolean told;

  /** Set without the lock, since a message that is under way holds it. */
  private final AtomicBoolean stopping = new AtomicBoolean();

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
      Duration pause = look();
      while (pause != null) {
        Thread.sleep(pause);
        pause = look();
      }
    } catch (InterruptedException e) {
      LOG.debug(LogEvent.MANAGER_UNTOLD, "the service manager hears no more: {}", e.getMessage());
    }
  }

  /** As {@link #step}; a failure of one look must not end the others. */
  private @Nullable Duration look() {
    try {
      return step(System.nanoTime());
    } catch (RuntimeException e) {
      LOG.per("look")
          .failure(
              LogEvent.MANAGER_UNTOLD,
              e,
              "the service manager was told nothing, since the gateway could not be looked at");
      return UNFED_STEP;
    }
  }

  /**
   * Looks at the gateway once and tells the manager.
   *
   * @param nowNanos the time
   * @return until the next look; null if there is nothing to tell any more
   */
  @Nullable Duration step(long nowNanos) {
    if (stopping.get()) {
      return null;
    }
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
    boolean fed = feed(live.get());
    Duration pause = watchdog.dividedBy(SIGNS);
    return fed || pause.compareTo(UNFED_STEP) < 0 ? pause : UNFED_STEP;
  }

  private synchronized boolean isTold() {
    return told;
  }

  private void waitFor(Health unready, long nowNanos) {
    boolean due = nowNanos - extension() >= EXTENSION_STEP.toNanos();
    boolean lives = due && live.get().good();
    synchronized (this) {
      say("not ready: " + unready.failed());
      if (lives) {
        extendedAt = nowNanos;
        tell("EXTEND_TIMEOUT_USEC=" + ServiceManager.micros(PATIENCE));
      }
    }
  }

  private synchronized long extension() {
    return extendedAt;
  }

  private synchronized boolean becomeReady() {
    if (tell("READY=1", "STATUS=ready")) {
      status = "ready";
      told = true;
    }
    return told;
  }

  /** Gives a sign of life if there is one; whether the manager was told. */
  private synchronized boolean feed(Health now) {
    if (now.good()) {
      // The sign comes first, since each message may wait.
      boolean fed = tell("WATCHDOG=1");
      if (reloads == 0) {
        say("ready");
      }
      return fed;
    }
    if (!stopping.get()) {
      LOG.per("stuck")
          .error(
              LogEvent.GATEWAY_STUCK, "no sign of life for the service manager: {}", now.failed());
    }
    say("stuck: " + now.failed());
    return false;
  }

  /** Tells a status if it is another than the last one. Called under the lock. */
  private void say(String now) {
    if (!now.equals(status) && tell("STATUS=" + now)) {
      status = now;
    }
  }

  /** Tells the manager unless the gateway ends. Called under the lock. */
  private boolean tell(String... assignments) {
    return !stopping.get() && manager.tell(assignments);
  }

  /** Tells that a reload begins. */
  synchronized void reloading() {
    if (told && !stopping.get() && reloads++ == 0) {
      status = "reloading";
      manager.reloading();
    }
  }

  /** Tells that a reload has ended, whichever way: the gateway works as before or as wanted. */
  synchronized void reloaded() {
    if (told && !stopping.get() && reloads > 0 && --reloads == 0) {
      status = "ready";
      tell("READY=1", "STATUS=ready");
    }
  }

  /**
   * Tells that the gateway ends; the manager hears nothing after it. Waits at most {@link
   * NotifySocket#PATIENCE}, whatever else is being told: the end must not wait for a manager that
   * does not listen. May be called again.
   */
  void stopping() {
    if (stopping.getAndSet(true) || !manager.listens()) {
      return;
    }
    // A thread of its own, which waits for the lock too.
    Thread last = Thread.ofPlatform().daemon().name("service-report-end").start(this::tellEnd);
    try {
      last.join(NotifySocket.PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Tells that another process is the service from now on, which reports itself; the manager hears
   * nothing more from here.
   *
   * @param pid of that process
   */
  void handedOver(long pid) {
    if (!stopping.getAndSet(true) && manager.listens()) {
      manager.tell("MAINPID=" + pid);
    }
  }

  private synchronized void tellEnd() {
    manager.tell("STOPPING=1", "STATUS=stopping; the guard stays");
  }

  @Override
  public void close() {
    stopping();
    Thread reporter = thread;
    if (reporter != null) {
      reporter.interrupt();
    }
  }
}
