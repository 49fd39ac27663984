package dev.culvert.tunnel.engine;

import java.time.Instant;

/** Something an engine wants known. Never holds a secret. */
public sealed interface TunnelEvent {
  /** The peer's name: for WireGuard its public key in base64. Empty where it concerns all peers. */
  String peer();

  /** A session stands. */
  record SessionEstablished(String peer, Endpoint endpoint, boolean initiator)
      implements TunnelEvent {}

  /** The peer answered from somewhere else, authenticated. */
  record EndpointMoved(String peer, Endpoint from, Endpoint to) implements TunnelEvent {}

  /** The peer reached another address or interface of ours: {@link TunnelPeer#heardSource}. */
  record SourceHeard(String peer) implements TunnelEvent {}

  /** A route leads what is sent to the peer into the tunnel itself. */
  record EndpointLooped(String peer, Endpoint endpoint) implements TunnelEvent {}

  /** No answer for the whole attempt time; packets staged for the peer were dropped. */
  record HandshakeAbandoned(String peer, int attempts) implements TunnelEvent {}

  /**
   * The peer accepted an initiation with this timestamp: never send an older one, also after a
   * restart.
   */
  record TimestampAnswered(String peer, Instant timestamp) implements TunnelEvent {}

  /** A key was not taken into use, since packets under it would not be safe. */
  record KeyRefused(String peer, String reason) implements TunnelEvent {}

  /** Work for the peer failed by a fault of ours; the other peers' was done. */
  record WorkFailed(String peer, RuntimeException cause) implements TunnelEvent {}

  /** All keys were ended, see {@link TunnelEngine#distrustKeys}. */
  record KeysEnded(String reason) implements Notice {
    @Override
    public String peer() {
      return "";
    }

    @Override
    public String message() {
      return reason + ": all keys are made anew, in case this machine was restored from a snapshot";
    }

    @Override
    public boolean isWarning() {
      return true;
    }
  }

  /** Something about keys that an operator should know; each engine has its own. */
  non-sealed interface Notice extends TunnelEvent {
    /** One sentence. */
    String message();

    /** Whether something is to be done about it. */
    boolean isWarning();
  }
}
