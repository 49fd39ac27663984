// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.config.DiscoveryConfig;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Watches the file of nodes that the configuration names; a reload may name another one. */
final class Discovery implements AutoCloseable {
  private final String interfaceName;
  private final Runnable changed;
  private @Nullable FileWatch watch;

  /**
   * @param changed called soon after each {@link #watch} of another file, and when the file changes
   */
  Discovery(String interfaceName, Runnable changed) {
    this.interfaceName = interfaceName;
    this.changed = changed;
  }

  /** Watches the file of {@code config} from now on, if it names one. */
  void watch(@Nullable DiscoveryConfig config) {
    Path file = config instanceof DiscoveryConfig.InFile(Path path) ? path : null;
    if (watch != null && !watch.file().equals(file)) {
      watch.close();
      watch = null;
    }
    if (watch == null && file != null) {
      watch = FileWatch.start(interfaceName + "-discovery", file, changed);
    }
  }

  @Override
  public void close() {
    if (watch != null) {
      watch.close();
      watch = null;
    }
  }
}
