// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.kube.KubeException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** When an object may be written: at most once per second, and later after failures. */
final class WritePacer {
  static final Duration APART = Duration.ofSeconds(1);
  private static final Duration BACK_OFF_FROM = Duration.ofMillis(500);
  private static final Duration BACK_OFF_TO = Duration.ofSeconds(60);

  private final Map<String, Pace> paces = new HashMap<>();

  private record Pace(long notBefore, int failures) {}

  boolean mayWrite(String name, long now) {
    Pace pace = paces.get(name);
    return pace == null || now - pace.notBefore() >= 0;
  }

  void written(String name, long now) {
    paces.put(name, new Pace(now + APART.toNanos(), 0));
  }

  /**
   * A write failed, or did not have its effect.
   *
   * @param error null if the server took the write but changed it
   */
  void failed(String name, long now, @Nullable KubeException error) {
    Pace before = paces.get(name);
    int failures = before == null ? 0 : before.failures();
    long wait = Math.min(BACK_OFF_TO.toNanos(), BACK_OFF_FROM.toNanos() << Math.min(failures, 20));
    Duration asked = error == null ? null : error.retryAfter();
    if (asked != null) {
      wait = Math.max(wait, asked.toNanos());
    }
    paces.put(name, new Pace(now + wait, failures + 1));
  }

  /** The nanoseconds until the next object may be written again; forgets those that may. */
  long untilNext(long now) {
    paces.values().removeIf(pace -> pace.failures() == 0 && now - pace.notBefore() >= 0);
    return paces.values().stream()
        .mapToLong(pace -> Math.max(0, pace.notBefore() - now))
        .filter(wait -> wait > 0)
        .min()
        .orElse(Long.MAX_VALUE);
  }

  void clear() {
    paces.clear();
  }
}
