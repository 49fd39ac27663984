package dev.culvert.tunnel.engine;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * What lanes and the control side share about a peer in every engine: where it is, what waits for
 * it, what was counted, and what is asked of the control side.
 *
 * @param <P> the engine's own kind of peer
 */
public abstract class BasePeer<P extends BasePeer<P>> implements TunnelPeer {
  private static final VarHandle ENDPOINT;
  private static final VarHandle REQUESTS;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      ENDPOINT = lookup.findVarHandle(BasePeer.class, "endpoint", Endpoint.class);
      REQUESTS = lookup.findVarHandle(BasePeer.class, "requests", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final StagedQueue staged;
  private final LongAdder txBytes = new LongAdder();
  private final LongAdder rxBytes = new LongAdder();
  private volatile @Nullable Endpoint endpoint;
  private volatile int requests;
  private @Nullable P below;

  protected BasePeer(StagingBudget budget) {
    staged = new StagedQueue(budget);
  }

  /** Plain packets that wait until they can be sealed. */
  public StagedQueue staged() {
    return staged;
  }

  public LongAdder txBytes() {
    return txBytes;
  }

  public LongAdder rxBytes() {
    return rxBytes;
  }

  @Override
  public @Nullable Endpoint endpoint() {
    return endpoint;
  }

  @Override
  public void forgetSource(Endpoint refused) {
    ENDPOINT.compareAndSet(this, refused, refused.withoutSource());
  }

  /** A configured endpoint, or none: it replaces what was learnt. */
  public void endpoint(@Nullable Endpoint configured) {
    endpoint = configured;
  }

  /** Lets the kernel choose the source anew: the one in use may be what keeps us from an answer. */
  public void forgetSource() {
    Endpoint now = endpoint;
    if (now != null) {
      forgetSource(now);
    }
  }

  /**
   * An authenticated datagram came from {@code from}: answer there.
   *
   * @return whether that is another place, which the control side may want to report
   */
  public boolean heardFrom(Endpoint from) {
    Endpoint before = endpoint;
    if (from.equals(before)) {
      return false;
    }
    return ENDPOINT.compareAndSet(this, before, from) && !from.isSamePlace(before);
  }

  /** Whether the peer has to be put on the stack: it had no request before. */
  boolean addRequest(int request) {
    return (requests & request) != request && (int) REQUESTS.getAndBitwiseOr(this, request) == 0;
  }

  /** What was asked since the last time; for who popped the peer off the {@link RequestStack}. */
  public int takeRequests() {
    return (int) REQUESTS.getAndSet(this, 0);
  }

  @Nullable P below() {
    return below;
  }

  void below(@Nullable P newBelow) {
    below = newBelow;
  }
}
