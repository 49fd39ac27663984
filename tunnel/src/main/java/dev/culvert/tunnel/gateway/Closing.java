// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import org.jspecify.annotations.Nullable;

/** Closes all parts in order, even if some fail. */
final class Closing {
  private @Nullable Throwable failure;

  /** Closes one part; {@link #end} throws its exception. */
  Closing then(@Nullable AutoCloseable part) {
    if (part != null) {
      try {
        part.close();
      } catch (Throwable e) { // An error of one part must not keep the keys of another.
        note(e);
      }
    }
    return this;
  }

  private void note(Throwable thrown) {
    if (failure == null) {
      failure = thrown;
    } else if (failure != thrown) {
      failure.addSuppressed(thrown);
    }
  }

  /**
   * To be called last.
   *
   * @throws IllegalStateException if a part failed, with the first exception as its cause
   */
  void end() {
    if (failure != null) {
      throw new IllegalStateException("not all could be closed: " + failure, failure);
    }
  }
}
