// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The state of a peer that lanes and the control side share in every engine: its endpoint, staged
 * packets, counters, and requests to the control side.
 *
 * @param <P> the engine's own type of peer
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

  /**
   * The endpoint last heard if its source is not used, because it was not checked yet or is not on
   * the way back.
   */
  private volatile @Nullable Endpoint withheld;

  private volatile int requests;

  // Control thread only.
  private @Nullable Endpoint reported;
  private boolean readyToTransmit;

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

  /** Sets a configured endpoint, or none, in place of the learnt one. */
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
   * Reports an authenticated datagram from {@code from}, which receives the answers from now on. If
   * the peer's address is unchanged and its source was forgotten, the kernel goes on choosing the
   * source until {@link #sourceFits} accepts the new one, since the datagram may have been under
   * way while routes changed.
   *
   * @return whether the control side has to check a new address or source
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

  /** The endpoint for a datagram made for {@code to}: with the source that is used there now. */
  public Endpoint current(Endpoint to) {
    Endpoint now = endpoint();
    return now != null && now.isSamePlace(to) ? now : to;
  }

  /** Notes the endpoint from which moves are reported. */
  public void reported(@Nullable Endpoint at) {
    reported = at;
  }

  public @Nullable Endpoint reported() {
    return reported;
  }

  /** Reports that packets came from another endpoint, or to another address of ours. */
  public void reportMove(Consumer<? super TunnelEvent> events) {
    Endpoint from = reported;
    Endpoint to = endpoint;
    if (to != null && !to.isSamePlace(from)) {
      reported = to;
      if (from != null) {
        events.accept(new TunnelEvent.EndpointMoved(toString(), from, to));
      }
    }
    events.accept(new TunnelEvent.SourceHeard(toString()));
  }

  /**
   * Writes this for the process that continues it: endpoints, staged packets, traffic and the
   * requests that nobody has served. For the control thread, while no lane runs.
   */
  protected final void saveBase(StateWriter out) {
    out.optional(endpoint, out::endpoint)
        .optional(withheld, out::endpoint)
        .optional(reported, out::endpoint)
        .list(staged.packets(), out::bytes)
        .int64(txBytes.sum())
        .int64(rxBytes.sum())
        .int32(requests);
  }

  /**
   * Reads into a new peer. Packets that do not fit the budget are dropped.
   *
   * @return the requests, for {@link RequestStack#submit} once all has been read
   */
  protected final int restoreBase(StateReader in) throws StateException {
    endpoint = in.optional(in::endpoint);
    withheld = in.optional(in::endpoint);
    reported = in.optional(in::endpoint);
    in.list(() -> staged.add(in.bytes()));
    txBytes.add(in.int64());
    rxBytes.add(in.int64());
    return in.int32();
  }

  boolean readyToTransmit() {
    return readyToTransmit;
  }

  void readyToTransmit(boolean ready) {
    readyToTransmit = ready;
  }

  /** Adds a request; true if the peer had none before and has to be put on the stack. */
  boolean addRequest(int request) {
    return (requests & request) != request && (int) REQUESTS.getAndBitwiseOr(this, request) == 0;
  }

  /**
   * The requests since the last call; only for the thread that took the peer off the {@link
   * RequestStack}.
   */
  int takeRequests() {
    return (int) REQUESTS.getAndSet(this, 0);
  }

  @Nullable P below() {
    return below;
  }

  void below(@Nullable P newBelow) {
    below = newBelow;
  }
}
