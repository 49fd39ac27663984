// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.util.Collection;
import org.jspecify.annotations.Nullable;

/**
 * One tunnelling protocol, sans-I/O: no sockets, threads or clock inside. Time comes in as an
 * argument ({@code nowNanos}, monotonic), randomness is injected.
 *
 * <p>The control side (everything in this interface except {@link #newDataPath}, {@link
 * #nextDeadlineNanos} and the routes) belongs to one thread; {@link DataPath}s run concurrently on
 * lanes. The control thread sleeps until {@link #nextDeadlineNanos}, calls {@link #advance}, then
 * drains {@link #pollEvent} until null, {@link #pollTransmit} until false and the events once more.
 * A spurious call does nothing.
 */
public interface TunnelEngine extends AutoCloseable {
  /** The peer that owns the inner destination of 32 bits, or null. Any thread. */
  @Nullable TunnelPeer route4(int destination);

  /** The peer that owns the inner destination of 128 bits, or null. Any thread. */
  @Nullable TunnelPeer route6(long high, long low);

  /** The peer of that name, as events name it, or null. */
  @Nullable TunnelPeer peer(String name);

  /** All peers. */
  Collection<? extends TunnelPeer> peers();

  /** A data path for one more lane. */
  DataPath newDataPath();

  /**
   * Runs every timer that is due and every handshake message that lanes queued.
   *
   * @param nowNanos monotonic time
   * @param wallNanos nanoseconds since 1970-01-01T00:00Z; used only for handshake timestamps, never
   *     for timers
   */
  void advance(long nowNanos, long wallNanos);

  /**
   * Requests a session with every reachable peer that is new since the last call, at the times of
   * {@link Greetings}, unless it has one by then. A gateway does this after its start, since its
   * peers still have sessions with its predecessor and would send under those in vain until their
   * timers expire, and when it has taken new peers, since it refused their handshakes until then.
   */
  void greet();

  /**
   * Distrusts all keys, since the machine was perhaps restored from a snapshot and a twin may have
   * used them. Once this returns, no data path reserves a counter under any of them, and packets
   * are staged. The next {@link #advance} ends all keys, forgets handshakes under way, and begins
   * anew with the peers. Thread-safe.
   *
   * @param reason the reason for the suspicion, as text for people
   */
  void distrustKeys(String reason);

  /**
   * Fills {@code out} with the next datagram to send: handshakes, cookies, keepalives, staged
   * packets.
   *
   * @return false if there is none
   */
  boolean pollTransmit(Datagram out, long nowNanos);

  /** The next event, or null. */
  @Nullable TunnelEvent pollEvent();

  /**
   * The time at which {@link #advance} has work next: monotonic nanoseconds, {@code Long.MAX_VALUE}
   * for never, {@code Long.MIN_VALUE} for at once (a lane queued work). Thread-safe: after a batch
   * a lane wakes the control thread if this time has become earlier.
   */
  long nextDeadlineNanos();

  Overhead overhead();

  /**
   * Sets the tunnel interface's MTU in bytes. Thread-safe. An engine whose padding does not depend
   * on it ignores it.
   */
  default void mtu(int mtu) {}

  /**
   * The peers and the sums of the control side now, for metrics.
   *
   * @param nowNanos monotonic time
   */
  EngineReading reading(long nowNanos);

  /** The control side's drops by reason; the data paths have the lanes' drops. */
  DropCounters drops();

  /**
   * Writes the whole state, with its keys, for an engine of another process that continues it. To
   * be called while no data path runs. If keys are distrusted, the state has none.
   *
   * @param nowNanos monotonic time
   */
  void save(StateWriter out, long nowNanos);

  /**
   * Continues the state that another process has saved. All send counters jump ahead, so that even
   * a mistake about the last one used cannot use a nonce twice.
   *
   * @param savedAtNanos the moment of saving, in this process's monotonic time
   * @throws StateException if it cannot be read; this engine is as it was
   */
  void restore(StateReader in, long savedAtNanos) throws StateException;

  /**
   * Goes on with the state that was saved, since the process that was to continue it has ended
   * without sending. All send counters jump ahead, further than by {@link #restore}.
   */
  void jumpAhead();

  /** Wipes all secrets. Afterwards, lanes that still hold a peer drop its packets. */
  @Override
  void close();
}
