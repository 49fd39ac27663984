// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.time.Instant;

/** An event that an engine reports. Never holds a secret. */
public sealed interface TunnelEvent {
  /** The peer's name: for WireGuard its public key in base64. Empty if it concerns all peers. */
  String peer();

  /** A session was established. */
  record SessionEstablished(String peer, Endpoint endpoint, boolean initiator)
      implements TunnelEvent {}

  /**
   * A handshake message was refused whose sender knows this node's public key, but has another
   * identity, key or clock than it should.
   */
  record HandshakeRefused(Endpoint endpoint, DropReason reason) implements TunnelEvent {
    /** The sender is not known. */
    @Override
    public String peer() {
      return "";
    }

    /** Whether a refusal for this reason is such an event: others are common under load. */
    public static boolean isFor(DropReason reason) {
      return reason == DropReason.BAD_HANDSHAKE || reason == DropReason.STALE_TIMESTAMP;
    }
  }

  /** An authentic packet of the peer's came from another endpoint. */
  record EndpointMoved(String peer, Endpoint from, Endpoint to) implements TunnelEvent {}

  /** The peer reached another address or interface of ours: {@link TunnelPeer#heardSource}. */
  record SourceHeard(String peer) implements TunnelEvent {}

  /** A route leads packets for the peer's endpoint into the tunnel itself. */
  record EndpointLooped(String peer, Endpoint endpoint) implements TunnelEvent {}

  /** No answer for the whole attempt time; packets staged for the peer were dropped. */
  record HandshakeAbandoned(String peer, int attempts) implements TunnelEvent {}

  /**
   * The peer accepted an initiation with this timestamp: no older one may be sent, even after a
   * restart.
   */
  record TimestampAnswered(String peer, Instant timestamp) implements TunnelEvent {}

  /** A key was refused, since packets under it would not be safe. */
  record KeyRefused(String peer, String reason) implements TunnelEvent {}

  /** Work for the peer failed by a fault of ours; the work for other peers was done. */
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

  /** An event about keys that an operator should know; each engine has its own. */
  non-sealed interface Notice extends TunnelEvent {
    /** The event in one sentence. */
    String message();

    /** Whether an operator has to act on it. */
    boolean isWarning();
  }
}
