// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.HandshakeOutcome;
import dev.culvert.tunnel.engine.PeerState;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEvent;
import java.time.Instant;
import java.util.Collection;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The source of the engine's keys: an exchange of epochs under a global key, a Noise handshake, or
 * a list made by hand. Sans-I/O. Belongs to the control thread, except {@link #newFilter} and
 * {@link #nextDeadlineNanos}.
 *
 * <p>After each call to any of {@link #peers}, {@link #advance}, {@link #startAfresh}, {@link
 * #receive}, {@link #wanted} and {@link #runningLow} the engine drains {@link #pollEvent}, then
 * {@link #pollMessage}, until null. So a receive SA is installed before the message that announces
 * it to the peer is sent.
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
   * @param peer the receiving peer, or null for an answer to an unknown sender
   * @param to the destination; null for the peer's current endpoint
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Message(byte[] bytes, @Nullable String peer, @Nullable Endpoint to) {}

  /** Most bytes of a message: it is never fragmented. */
  int MAX_MESSAGE = 1200;

  /**
   * Makes all messages carry timestamps later than {@code answered}, which {@link
   * TunnelEvent.TimestampAnswered} told of before a restart.
   */
  default void minimumTimestamp(Instant answered) {}

  /**
   * Replaces all peers. The engine itself ends the SAs of removed peers; the keying emits no more
   * events for them.
   */
  void peers(Collection<EspPeerSettings> peers);

  /** Creates the filter for one more lane. Thread-safe; the filter itself belongs to its lane. */
  MessageFilter newFilter();

  /**
   * Handles a message that a {@link MessageFilter} let pass. Its sender may be forged.
   *
   * @param underLoad whether messages come faster than this end handles them
   */
  void receive(byte[] message, Endpoint from, boolean underLoad, long nowNanos, long wallNanos);

  /**
   * The listener for the traffic with {@code peer}; called after {@link #peers} has named it. A
   * peer with another listener than before begins anew.
   */
  default TrafficListener traffic(String peer) {
    return TrafficListener.NONE;
  }

  /**
   * The state of a peer, for metrics, as far as the keying knows it.
   *
   * @param sending whether there is an SA to send to the peer under
   */
  default PeerState state(String peer, boolean sending, long nowNanos) {
    return sending ? PeerState.ESTABLISHED : PeerState.NEVER;
  }

  /** The time of the last handshake with a peer; null without handshakes or before the first. */
  default @Nullable Instant lastHandshake(String peer) {
    return null;
  }

  /** The ends of handshakes so far; zeros left out, and nothing without handshakes. */
  default Map<HandshakeOutcome, Long> handshakes() {
    return Map.of();
  }

  /** Acts on due timers. A spurious call does nothing. */
  void advance(long nowNanos, long wallNanos);

  /**
   * Starts anew after the machine was perhaps restored from a snapshot, since a twin may have used
   * all keys. The engine has ended all SAs. Forgets exchanges under way, and makes new keys if
   * possible.
   */
  void startAfresh(long nowNanos, long wallNanos);

  /**
   * There is traffic for {@code peer} but no SA to send under. Called repeatedly while that lasts;
   * a keying that cannot make an SA answers with {@link KeyingEvent.StopSending}.
   */
  void wanted(String peer, long nowNanos);

  /**
   * The outbound SA with this key has reached its {@link SaParameters#noticeAt}. Called once for
   * each value of it.
   *
   * @param nextSequence the next number that will be used
   */
  void runningLow(String peer, SaKeyId key, long nextSequence, long nowNanos);

  /**
   * The control side's drops by reason: the keying counts messages here, and the engine other
   * packets.
   */
  DropCounters drops();

  /** The next thing for the engine to do, or null. */
  @Nullable KeyingEvent pollEvent();

  /** The next message to send, or null. */
  @Nullable Message pollMessage();

  /** The next event that only the keying knows of, or null. */
  default @Nullable TunnelEvent pollNotice() {
    return null;
  }

  /** The name of this kind of keying in a state; a state of another kind does not continue. */
  String kind();

  /**
   * Whether this keying itself gives out sequence numbers that no other process has. If not, the
   * engine jumps ahead when it continues the state of another process.
   */
  default boolean reservesNumbers() {
    return false;
  }

  /** Writes this keying's part of the state, in which the engine writes the SAs themselves. */
  void save(StateWriter out, long nowNanos);

  /**
   * Reads the part of the state that {@link #save} of another process wrote. Called once {@link
   * #peers} was called, and before anything else.
   *
   * @param in ends with this keying's part
   * @throws StateException if it cannot be read; nothing was changed
   */
  KeyingState read(StateReader in, KeyingState.Context context) throws StateException;

  /**
   * Goes on after {@link #save}, since the process that got the state has died before it sent
   * anything. Forgets everything from which that process may have derived keys for sending too.
   */
  void goOn();

  /**
   * The time of the next timer for {@link #advance}: monotonic nanoseconds, {@code Long.MAX_VALUE}
   * for none. Thread-safe.
   */
  long nextDeadlineNanos();

  /** Wipes all secrets. */
  @Override
  void close();
}
