// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Whether the present keys may be used for sealing, see {@link TunnelEngine#distrustKeys}. */
public final class KeyTrust {
  private final AtomicReference<@Nullable Doubt> doubt = new AtomicReference<>();

  /** A reason for distrust. Each is distinct, even if the texts are equal. */
  @SuppressWarnings("ClassCanBeRecord") // Told apart by identity.
  public static final class Doubt {
    private final String reason;

    private Doubt(String reason) {
      this.reason = reason;
    }

    public String reason() {
      return reason;
    }
  }

  /**
   * Withdraws trust: once this returns, no counter is reserved under the present keys. Thread-safe.
   */
  public void withdraw(String reason) {
    doubt.set(new Doubt(reason));
  }

  /**
   * Whether trust is withdrawn. To be called after taking a key and before reserving a counter of
   * it. Thread-safe.
   */
  public boolean isWithdrawn() {
    return doubt.get() != null;
  }

  /** The current reason for distrust, or null. */
  public @Nullable Doubt doubt() {
    return doubt.get();
  }

  /**
   * Restores trust after all keys from before {@code settled} have ended, unless a newer doubt came
   * since. For the control thread.
   */
  public void restore(Doubt settled) {
    doubt.compareAndSet(settled, null);
  }
}
