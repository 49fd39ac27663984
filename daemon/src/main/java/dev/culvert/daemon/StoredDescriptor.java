// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.kernel.ErrnoException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A descriptor that the service manager kept for the service, and passed to this process at its
 * start in the protocol of sd_listen_fds(3).
 *
 * @param name up to 255 printable ASCII characters without a colon; the names need not differ
 * @param fd belongs to whoever uses this value; programs that this process starts do not inherit it
 */
record StoredDescriptor(String name, int fd) {
  /** The name of a descriptor that was kept without one. */
  static final String UNKNOWN = "unknown";

  /** The number of the first one. */
  static final int FIRST = 3;

  private static final EventLog LOG = EventLog.of(StoredDescriptor.class);
  private static final int MAX_NAME = 255;
  private static final int F_SETFD = 2;
  private static final int FD_CLOEXEC = 1;

  /**
   * Those that this process's environment names, in the manager's order. Only one caller may ask,
   * and owns them.
   */
  static List<StoredDescriptor> ofThisProcess() {
    return of(System.getenv(), ProcessHandle.current().pid(), FIRST);
  }

  /** A value that cannot be used is logged, and ignored: a gateway must not fail because of it. */
  static List<StoredDescriptor> of(Map<String, String> environment, long pid, int first) {
    if (!Long.toString(pid).equals(environment.get("LISTEN_PID"))) {
      return List.of(); // There are none, or they are another process's.
    }
    try {
      int count = count(environment.getOrDefault("LISTEN_FDS", "0"));
      for (int i = 0; i < count; i++) {
        String call = "descriptor " + (first + i);
        ErrnoException.check(call, LIBC.fcntl(first + i, F_SETFD, FD_CLOEXEC));
      }
      List<String> names = names(environment.get("LISTEN_FDNAMES"), count);
      List<StoredDescriptor> stored = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        stored.add(new StoredDescriptor(names.get(i), first + i));
      }
      return List.copyOf(stored);
    } catch (IllegalArgumentException | ErrnoException e) {
      LOG.error(
          LogEvent.MANAGER_UNTOLD,
          "the service manager's descriptors are not used: {}",
          e.getMessage());
      return List.of();
    }
  }

  private static int count(String number) {
    try {
      int count = Integer.parseInt(number);
      if (count >= 0) {
        return count;
      }
    } catch (NumberFormatException e) {
      LOG.debug(LogEvent.MANAGER_UNTOLD, "LISTEN_FDS is no number: {}", e.getMessage());
    }
    throw new IllegalArgumentException("LISTEN_FDS is " + number);
  }

  private static List<String> names(@Nullable String list, int count) {
    if (list == null || count == 0) {
      return Collections.nCopies(count, UNKNOWN);
    }
    List<String> names = List.of(list.split(":", -1));
    if (names.size() != count) {
      throw new IllegalArgumentException(
          "LISTEN_FDNAMES has " + names.size() + " names for " + count + " descriptors");
    }
    return names;
  }

  /**
   * Returns if this may be a name.
   *
   * @throws IllegalArgumentException if the manager would not take it
   */
  static void requireName(String name) {
    boolean printable = name.chars().allMatch(c -> c >= ' ' && c <= '~' && c != ':');
    if (name.isEmpty() || name.length() > MAX_NAME || !printable) {
      throw new IllegalArgumentException(
          "'" + name + "' is not 1 to 255 printable ASCII characters without a colon");
    }
  }
}
