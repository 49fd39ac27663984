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

  /** As last heard, if its source is not used: not yet asked about, or not the way back. */
  private volatile @Nullable Endpoint withheld;

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
    withheld = null;
  }

  @Override
  public void forgetSource() {
    Endpoint now = endpoint;
    if (now != null) {
      forgetSource(now);
    }
    withheld = null;
  }

  /**
   * An authenticated datagram came from {@code from}: answer there. If the peer is where it was and
   * its source was forgotten, the kernel goes on choosing until {@link #sourceFits} says that the
   * new one fits: the datagram may have been under way while routes changed.
   *
   * @return whether the control side has something to look at: another place, or a source
   */
  public boolean heardFrom(Endpoint from) {
    Endpoint before = endpoint;
    if (from.equals(before)) {
      return false;
    }
    if (before != null
        && before.source() == null
        && from.source() != null
        && from.isSamePlace(before)) {
      if (from.equals(withheld)) {
        return false;
      }
      withheld = from;
      return true;
    }
    return ENDPOINT.compareAndSet(this, before, from);
  }

  @Override
  public @Nullable Endpoint heardSource() {
    Endpoint now = endpoint;
    if (now == null || now.source() != null) {
      return now;
    }
    Endpoint heard = withheld;
    return heard != null && heard.isSamePlace(now) ? heard : null;
  }

  @Override
  public void sourceFits(Endpoint heard, boolean fits) {
    if (!fits) {
      withheld = heard;
      forgetSource(heard);
      return;
    }
    Endpoint now = endpoint;
    if (now != null && now.source() == null && now.isSamePlace(heard)) {
      ENDPOINT.compareAndSet(this, now, heard);
    }
  }

  /** Where to send what was made for {@code to}: with the source that is used there now. */
  public Endpoint current(Endpoint to) {
    Endpoint now = endpoint();
    return now != null && now.isSamePlace(to) ? now : to;
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
