// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.Endpoint;
import java.util.Collection;

/** An instruction of a {@link Keying} to the engine; the engine obeys them in order. */
public sealed interface KeyingEvent {
  /** The peer's name. */
  String peer();

  /** Wipes the keys in events that the engine did not take over, and forgets the events. */
  static void wipe(Collection<KeyingEvent> events) {
    for (KeyingEvent event : events) {
      switch (event) {
        case AddInbound add -> add.sa().key().close();
        case UseOutbound use -> use.sa().key().close();
        default -> {}
      }
    }
    events.clear();
  }

  /**
   * Receive under this SA from now on, in addition to the present ones. Up to four may have one SPI
   * (epochs under one global key): the newest is tried first, and a fifth replaces the oldest. A
   * key that was used before keeps its replay window.
   */
  record AddInbound(String peer, SaParameters sa) implements KeyingEvent {}

  /** Stop receiving under this key. */
  record RemoveInbound(String peer, SaKeyId key) implements KeyingEvent {}

  /**
   * Send under this SA instead of the one before. Staged packets are sent under it. A key that was
   * used before continues after its last number. A key that is used for receiving is refused.
   */
  record UseOutbound(String peer, SaParameters sa) implements KeyingEvent {}

  /**
   * The outbound SA with this key may use more numbers; limits below those in force are ignored.
   */
  record ExtendOutbound(String peer, SaKeyId key, long sequenceLimit, long noticeAt)
      implements KeyingEvent {}

  /**
   * The outbound SA with this key goes on with these numbers, and never uses those between; numbers
   * below those in force are ignored.
   */
  record MoveOutbound(
      String peer, SaKeyId key, long firstSequence, long sequenceLimit, long noticeAt)
      implements KeyingEvent {}

  /**
   * Send nothing more to the peer until the next {@link UseOutbound}. Also used if an exchange was
   * given up: staged packets are dropped.
   */
  record StopSending(String peer) implements KeyingEvent {}

  /**
   * The outbound SA is over: send nothing until the next {@link UseOutbound}, which will come if
   * there is traffic. Staged packets wait for it.
   */
  record EndOutbound(String peer) implements KeyingEvent {}

  /**
   * Send a dummy packet (RFC 4303 section 2.6) under the outbound SA: proof that this end has the
   * key, or that it lives. Staged packets go first.
   */
  record SendDummy(String peer) implements KeyingEvent {}

  /**
   * An authenticated, fresh message of the peer came from this endpoint; its UDP port may have
   * changed.
   */
  record Heard(String peer, Endpoint from) implements KeyingEvent {}
}
