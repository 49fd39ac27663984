package dev.culvert.tunnel.engine;

import org.jspecify.annotations.Nullable;

/** Whether the keys there are may be sealed under, see {@link TunnelEngine#distrustKeys}. */
public final class KeyTrust {
  private volatile @Nullable String doubt;

  /** From the return on nobody reserves under the keys there are. Any thread. */
  public void withdraw(String reason) {
    doubt = reason;
  }

  /** To be asked after the key was taken, and before a counter of it is reserved. Any thread. */
  public boolean isWithdrawn() {
    return doubt != null;
  }

  /** Why, or null. */
  public @Nullable String doubt() {
    return doubt;
  }

  /** All keys of before have ended. For the control thread. */
  public void restore() {
    doubt = null;
  }
}
