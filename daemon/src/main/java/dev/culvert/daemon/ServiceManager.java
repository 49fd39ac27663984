// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.kernel.DescriptorSocket;
import dev.culvert.tunnel.kernel.MonotonicClock;
import dev.culvert.tunnel.kernel.NotifySocket;
import java.io.IOException;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The service manager that started this process, systemd as a rule: it is told how the service
 * does, and may ask for signs of life. Without one, messages go nowhere. Thread-safe.
 */
public final class ServiceManager {
  /** Nobody listens. */
  public static final ServiceManager NONE = new ServiceManager(null, null, List.of());

  private static final EventLog LOG = EventLog.of(ServiceManager.class);

  /** Takes messages of the form {@code NAME=value}, one line each, and descriptors to keep. */
  interface Channel {
    void send(String message, List<Integer> descriptors) throws IOException;
  }

  private final @Nullable Channel channel;
  private final @Nullable Duration watchdog;
  private List<StoredDescriptor> stored;

  /**
   * @param channel null if no manager listens
   * @param watchdog the time within which the manager wants a sign of life; null if it wants none
   * @param stored the descriptors that it kept, and has passed to this process
   */
  ServiceManager(
      @Nullable Channel channel, @Nullable Duration watchdog, List<StoredDescriptor> stored) {
    this.channel = channel;
    this.watchdog = watchdog;
    this.stored = List.copyOf(stored);
  }

  /** The manager that this process's environment names. */
  public static ServiceManager ofThisProcess() {
    long pid = ProcessHandle.current().pid();
    return of(System.getenv(), pid, StoredDescriptor.ofThisProcess());
  }

  /** A value that cannot be used is logged, and ignored: a gateway must not fail because of it. */
  static ServiceManager of(
      Map<String, String> environment, long pid, List<StoredDescriptor> stored) {
    String address = environment.get("NOTIFY_SOCKET");
    if (address == null || address.isEmpty()) {
      return new ServiceManager(null, null, stored);
    }
    try {
      return new ServiceManager(
          new NotifySocket(address)::send, watchdog(environment, pid), stored);
    } catch (IllegalArgumentException e) {
      LOG.error(
          LogEvent.MANAGER_UNTOLD,
          "NOTIFY_SOCKET: {}: the service manager is told nothing",
          e.getMessage());
      return new ServiceManager(null, null, stored);
    }
  }

  private static @Nullable Duration watchdog(Map<String, String> environment, long pid) {
    String micros = environment.get("WATCHDOG_USEC");
    String whose = environment.get("WATCHDOG_PID");
    if (micros == null || (whose != null && !whose.equals(Long.toString(pid)))) {
      return null; // None is wanted, or it is another process's.
    }
    try {
      long wanted = Long.parseLong(micros);
      if (wanted > 0) {
        return Duration.of(wanted, ChronoUnit.MICROS);
      }
    } catch (NumberFormatException e) {
      LOG.debug(LogEvent.MANAGER_UNTOLD, "WATCHDOG_USEC is no number: {}", e.getMessage());
    }
    LOG.error(LogEvent.MANAGER_UNTOLD, "WATCHDOG_USEC is {}: no sign of life is sent", micros);
    return null;
  }

  /** The descriptors that it kept. They belong to the first caller; others get none. */
  synchronized List<StoredDescriptor> takeStored() {
    List<StoredDescriptor> taken = stored;
    stored = List.of();
    return taken;
  }

  /** Whether a manager listens. */
  boolean listens() {
    return channel != null;
  }

  /** The time within which the manager wants a sign of life; null if it wants none. */
  @Nullable Duration watchdog() {
    return watchdog;
  }

  /** Tells that the start goes on, and how long it may take from now on. */
  public void starting(Duration patience) {
    tell("EXTEND_TIMEOUT_USEC=" + micros(patience), "STATUS=starting");
  }

  /**
   * Sends one message; a failure is logged.
   *
   * @param assignments as in {@code READY=1}
   * @return whether the manager was told, or there is none
   */
  boolean tell(String... assignments) {
    return tell(List.of(), assignments);
  }

  private boolean tell(List<Integer> descriptors, String... assignments) {
    if (channel == null) {
      return true;
    }
    try {
      channel.send(String.join("\n", assignments), descriptors);
      return true;
    } catch (IOException e) {
      LOG.per(assignments[0])
          .error(
              LogEvent.MANAGER_UNTOLD,
              "the service manager was not told {}: {}",
              String.join(", ", assignments),
              e.getMessage());
      return false;
    }
  }

  /**
   * Lets the manager keep copies of descriptors, which it passes to the next process of this
   * service; see {@link StoredDescriptor}. It keeps them though a poll tells an error, as a TUN
   * queue's does while its interface is down.
   *
   * @param name their name, by which they are found and removed
   * @param descriptors any number, in this order; they stay the caller's
   * @return whether the manager was told, or there is none; it keeps them only if its unit allows
   *     it, and does not say
   * @throws IllegalArgumentException if the name cannot be one: see {@link StoredDescriptor}
   */
  boolean store(String name, List<Integer> descriptors) {
    StoredDescriptor.requireName(name);
    for (int i = 0; i < descriptors.size(); i += DescriptorSocket.MAX_DESCRIPTORS) {
      int end = Math.min(descriptors.size(), i + DescriptorSocket.MAX_DESCRIPTORS);
      if (!tell(descriptors.subList(i, end), "FDSTORE=1", "FDNAME=" + name, "FDPOLL=0")) {
        return false;
      }
    }
    return true;
  }

  /**
   * Lets the manager close its copies of all descriptors of this name.
   *
   * @return whether the manager was told, or there is none
   */
  boolean removeStored(String name) {
    StoredDescriptor.requireName(name);
    return tell("FDSTOREREMOVE=1", "FDNAME=" + name);
  }

  /** Tells that the configuration is read again; the manager orders this by its clock. */
  void reloading() {
    if (channel == null) {
      return;
    }
    try {
      tell("RELOADING=1", "MONOTONIC_USEC=" + MonotonicClock.micros(), "STATUS=reloading");
    } catch (IOException e) {
      LOG.error(
          LogEvent.MANAGER_UNTOLD,
          "the service manager was not told of a reload: {}",
          e.getMessage());
    }
  }

  static long micros(Duration time) {
    return time.toNanos() / 1000;
  }
}
