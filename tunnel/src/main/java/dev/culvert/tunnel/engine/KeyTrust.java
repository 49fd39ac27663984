package dev.culvert.tunnel.engine;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Whether the keys there are may be sealed under, see {@link TunnelEngine#distrustKeys}. */
public final class KeyTrust {
  private final AtomicReference<@Nullable Doubt> doubt = new AtomicReference<>();

  /** Why; each is another one, whatever it says. */
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

  /** From the return on nobody reserves under the keys there are. Any thread. */
  public void withdraw(String reason) {
    doubt.set(new Doubt(reason));
  }

  /** To be asked after the key was taken, and before a counter of it is reserved. Any thread. */
  public boolean isWithdrawn() {
    return doubt.get() != null;
  }

  /** Why, or null. */
  public @Nullable Doubt doubt() {
    return doubt.get();
  }

  /**
   * All keys of before {@code settled} have ended. Whoever has doubted since is not answered by
   * that. For the control thread.
   */
  public void restore(Doubt settled) {
    doubt.compareAndSet(settled, null);
  }
}
