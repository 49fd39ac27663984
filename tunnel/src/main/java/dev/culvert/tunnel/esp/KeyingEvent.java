package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.Endpoint;

/** What a {@link Keying} has the engine do, in this order. */
public sealed interface KeyingEvent {
  /** The peer's name. */
  String peer();

  /**
   * Receive under this SA from now on, beside all that are there. Several may have one SPI (epochs
   * under one global key): then the newest is tried first; at most four, the oldest gives way. A
   * key that was known before continues where its window stood.
   */
  record AddInbound(String peer, SaParameters sa) implements KeyingEvent {}

  /** Receive no more under this key. */
  record RemoveInbound(String peer, SaKeyId key) implements KeyingEvent {}

  /**
   * Send under this SA, and no longer under the one before. Staged packets go out under it. A key
   * that was known before continues after the last number it used. A key that is used for receiving
   * is refused.
   */
  record UseOutbound(String peer, SaParameters sa) implements KeyingEvent {}

  /**
   * The outbound SA with this key may use more numbers; limits below those in force are ignored.
   */
  record ExtendOutbound(String peer, SaKeyId key, long sequenceLimit, long noticeAt)
      implements KeyingEvent {}

  /**
   * Send nothing more to the peer until the next {@link UseOutbound}. Also where an exchange was
   * given up: what was staged meanwhile is dropped.
   */
  record StopSending(String peer) implements KeyingEvent {}

  /**
   * The outbound SA is over: send nothing until the next {@link UseOutbound}, which is on its way
   * where there is traffic. What is staged waits for it.
   */
  record EndOutbound(String peer) implements KeyingEvent {}

  /**
   * Send a dummy packet (RFC 4303 section 2.6) under the outbound SA: proof that this end has the
   * key, or that it lives. Staged packets go first.
   */
  record SendDummy(String peer) implements KeyingEvent {}

  /** An authenticated, fresh message of the peer came from here: its UDP port may have moved. */
  record Heard(String peer, Endpoint from) implements KeyingEvent {}
}
