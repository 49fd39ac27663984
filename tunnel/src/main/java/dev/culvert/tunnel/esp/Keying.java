package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelEvent;
import java.time.Instant;
import java.util.Collection;
import org.jspecify.annotations.Nullable;

/**
 * Where the engine's keys come from: an exchange of epochs under a global key, a Noise handshake,
 * or a list made by hand. Sans-I/O, and all of it on the control thread but {@link #newFilter} and
 * {@link #nextDeadlineNanos}.
 *
 * <p>After each call to any of {@link #peers}, {@link #advance}, {@link #startAfresh}, {@link
 * #receive}, {@link #wanted} and {@link #runningLow} the engine drains {@link #pollEvent}, then
 * {@link #pollMessage}, until null. So a receive SA is installed before the message that tells the
 * peer of it leaves.
 *
 * <p>The first packet under a key may overtake the message that makes the peer accept it: install
 * {@link KeyingEvent.AddInbound} before the peer can send, {@link KeyingEvent.UseOutbound} only
 * once the peer is known to receive.
 */
public interface Keying extends AutoCloseable {
  /**
   * A message to a peer's keying.
   *
   * @param bytes up to {@link #MAX_MESSAGE} bytes, without the non-ESP marker
   * @param peer whom it is for, or null where it answers somebody unknown
   * @param to where to send it; null for where the peer is now
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Message(byte[] bytes, @Nullable String peer, @Nullable Endpoint to) {}

  /** Most bytes of a message: it is never fragmented. */
  int MAX_MESSAGE = 1200;

  /**
   * Has no message carry a timestamp up to {@code answered}, which {@link
   * TunnelEvent.TimestampAnswered} told of before a restart.
   */
  default void minimumTimestamp(Instant answered) {}

  /**
   * These are all peers from now on. The engine itself ends what peers that are gone had; nothing
   * more is to be said of them.
   */
  void peers(Collection<EspPeerSettings> peers);

  /** For one more lane. Any thread, as the filter itself. */
  MessageFilter newFilter();

  /**
   * Works on a message that a {@link MessageFilter} let pass. It may come from anybody.
   *
   * @param underLoad whether more come than this end keeps up with
   */
  void receive(byte[] message, Endpoint from, boolean underLoad, long nowNanos, long wallNanos);

  /**
   * Who is to be told of the traffic with {@code peer}; asked after {@link #peers} has named it. A
   * peer that has another than before begins anew.
   */
  default TrafficListener traffic(String peer) {
    return TrafficListener.NONE;
  }

  /** Does what is due. A spurious call does nothing. */
  void advance(long nowNanos, long wallNanos);

  /**
   * All keys may have been used by another life of this machine, which was perhaps restored from a
   * snapshot; the engine has ended all SAs. Forgets what is under way, and makes new keys if it
   * can.
   */
  void startAfresh(long nowNanos, long wallNanos);

  /**
   * There is traffic for {@code peer} and nothing to send it under. Called again and again while
   * that lasts; a keying that cannot help answers with {@link KeyingEvent.StopSending}.
   */
  void wanted(String peer, long nowNanos);

  /**
   * The outbound SA with this key has come to its {@link SaParameters#noticeAt}. Called once for
   * each value of that.
   *
   * @param nextSequence the next number that will be used
   */
  void runningLow(String peer, SaKeyId key, long nextSequence, long nowNanos);

  /**
   * What the control side dropped, by reason: the keying counts messages here, the engine the rest.
   */
  DropCounters drops();

  /** The next thing for the engine to do, or null. */
  @Nullable KeyingEvent pollEvent();

  /** The next message to send, or null. */
  @Nullable Message pollMessage();

  /** The next thing that happened of which the engine cannot know, or null. */
  default @Nullable TunnelEvent pollNotice() {
    return null;
  }

  /**
   * When {@link #advance} has something to do next: monotonic time, {@code Long.MAX_VALUE} for
   * never. Any thread.
   */
  long nextDeadlineNanos();

  /** Wipes all secrets. */
  @Override
  void close();
}
