// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

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

  /** Watches {@code file} from now on; null means no file. */
  void watch(@Nullable Path file) {
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
    }
  }
}
