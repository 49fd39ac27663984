package dev.culvert.tunnel.engine;

import java.util.Collection;
import org.jspecify.annotations.Nullable;

/**
 * One tunnelling protocol, sans-I/O: no sockets, threads or clock inside. Time comes in as an
 * argument ({@code nowNanos}, monotonic), randomness is injected.
 *
 * <p>The control side (everything in this interface but {@link #newDataPath}, {@link
 * #nextDeadlineNanos} and the routes) belongs to one thread; {@link DataPath}s run beside it on any
 * lane. The control thread sleeps until {@link #nextDeadlineNanos}, calls {@link #advance}, then
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

  /** A way in for one more lane. */
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
   * Asks for a session with every peer that can be reached and has none. Whoever starts anew does
   * it: the others hold sessions with the one before, and would send under them into nothing until
   * their own timers tell.
   */
  void greet();

  /**
   * All keys may have been used by another life of this machine, which was perhaps restored from a
   * snapshot: from the return on no data path reserves a counter under any of them; what is to be
   * sent is staged. The next {@link #advance} ends them all, forgets handshakes that are under way,
   * and begins anew with the peers. Any thread.
   *
   * @param reason for people: why this is suspected
   */
  void distrustKeys(String reason);

  /**
   * Fills {@code out} with the next datagram to send: handshakes, cookies, keepalives, staged
   * packets.
   *
   * @return false where there is none
   */
  boolean pollTransmit(Datagram out, long nowNanos);

  /** The next thing that happened, or null. */
  @Nullable TunnelEvent pollEvent();

  /**
   * When {@link #advance} has something to do next: monotonic time, {@code Long.MAX_VALUE} for
   * never, {@code Long.MIN_VALUE} for at once (a lane queued work). Any thread may ask: after a
   * batch a lane wakes the control thread if this has come earlier.
   */
  long nextDeadlineNanos();

  Overhead overhead();

  /**
   * The tunnel interface has this MTU now. Any thread. An engine whose padding does not depend on
   * it ignores it.
   */
  default void mtu(int mtu) {}

  /** What the control side dropped, by reason; the lanes' drops are with their data paths. */
  DropCounters drops();

  /** Wipes all secrets. Lanes that still hold a peer get drops from here on. */
  @Override
  void close();
}
