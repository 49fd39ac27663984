package dev.culvert.tunnel.engine;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Secrets that lanes use while the control side may close them. A lane pins them for the time of
 * one train; closing forbids new pins, and the secrets are wiped by whoever is last, the closer or
 * the lane that unpins. So no train can be sealed under a wiped key, and neither side ever waits.
 */
public abstract class Pinned implements AutoCloseable {
  /** Set in {@link #pins} by closing; the lower bits count the lanes that are inside. */
  private static final int CLOSED = Integer.MIN_VALUE;

  private final AtomicInteger pins = new AtomicInteger();

  /** Keeps the secrets alive until {@link #unpin}; false where they are closed. */
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

  /** No lane may begin to use the secrets from here on; the last to leave wipes them. */
  @Override
  public final void close() {
    if (pins.getAndUpdate(count -> count | CLOSED) == 0) {
      wipe();
    }
  }

  /** Wipes the secrets; called once nobody uses them, perhaps more than once. */
  protected abstract void wipe();
}
