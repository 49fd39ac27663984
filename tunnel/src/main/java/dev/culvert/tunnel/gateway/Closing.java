package dev.culvert.tunnel.gateway;

import org.jspecify.annotations.Nullable;

/** Closes parts in order, all of them, whichever fails. */
final class Closing {
  private @Nullable Throwable failure;

  /** Closes one; what it throws waits for {@link #end}. */
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
   * @throws IllegalStateException if a part failed, with what it threw first as its cause
   */
  void end() {
    if (failure != null) {
      throw new IllegalStateException("not all could be closed: " + failure, failure);
    }
  }
}
