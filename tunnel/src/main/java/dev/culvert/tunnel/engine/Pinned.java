// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Secrets that lanes use while the control side may close them. A lane pins them for the time of
 * one train. Closing forbids new pins, and the closer or the last lane that unpins wipes the
 * secrets. So no train can be sealed under a wiped key, and neither side ever waits.
 */
public abstract class Pinned implements AutoCloseable {
  /** Set in {@link #pins} by closing; the lower bits count the lanes that are inside. */
  private static final int CLOSED = Integer.MIN_VALUE;

  private final AtomicInteger pins = new AtomicInteger();

  /** Keeps the secrets alive until {@link #unpin}; false if they are closed. */
  public final boolean pin() {
    if (pins.getAndIncrement() >= 0) {
      return true;
    }
    unpin();
    return false;
  }

  public final void unpin() {
    if (pins.getAndDecrement() == CLOSED + 1) {
      wipe();
    }
  }

  /** Forbids new pins; the last lane that unpins wipes the secrets. */
  @Override
  public final void close() {
    if (pins.getAndUpdate(count -> count | CLOSED) == 0) {
      wipe();
    }
  }

  /** Wipes the secrets; called once they are not in use, perhaps more than once. */
  protected abstract void wipe();
}
