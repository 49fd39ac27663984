// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.tunnel.engine.BasePeer;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.noise.HandshakePeer;
import dev.culvert.tunnel.noise.HandshakeUser;
import dev.culvert.tunnel.noise.PeerTimers;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.noise.TransportKeys;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The other end. Lanes share the first half of the fields; the second half and the callbacks of
 * handshakes belong to the control thread.
 */
final class WireGuardPeer extends BasePeer<WireGuardPeer> implements HandshakeUser {
  private final SharedState shared;
  private final String name;
  private final HandshakePeer handshake;
  private final Sessions sessions;

  // Control thread only.
  @Nullable Endpoint reportedEndpoint;
  boolean keepaliveWanted;
  boolean readyToTransmit;

  WireGuardPeer(PublicKey publicKey, SharedState shared) {
    super(shared.staging);
    this.shared = shared;
    name = publicKey.toString();
    handshake = new HandshakePeer(publicKey, WireGuardEngine.LABELS, shared.deadlines, this);
    sessions = new Sessions(shared.indices);
  }

  PublicKey publicKey() {
    return handshake.publicKey();
  }

  HandshakePeer handshake() {
    return handshake;
  }

  Sessions sessions() {
    return sessions;
  }

  PeerTimers timers() {
    return handshake.timers();
  }

  /** Ends the peer, so that a lane that still holds it finds no session and cannot get one. */
  void retire() {
    endpoint(null);
    sessions.clear();
    handshake.retire();
  }

  /**
   * Requests a keepalive under the current session; data that is sent first makes it unnecessary.
   */
  @Override
  public void sendKeepalive() {
    keepaliveWanted = true;
    shared.outbox.ready(this);
  }

  /** Whether there are keys with the peer, or packets that wait for them. */
  boolean isInUse() {
    return !sessions.isEmpty() || handshake.pending() != null || !staged().isEmpty();
  }

  @Override
  public boolean isReachable() {
    return endpoint() != null;
  }

  /**
   * Accepts messages from any endpoint, since the peer's endpoint follows its authentic packets.
   */
  @Override
  public boolean accepts(Endpoint from) {
    return true;
  }

  @Override
  public void send(byte[] message, @Nullable Endpoint to) {
    txBytes().add(message.length);
    Endpoint at = to != null ? to : endpoint();
    if (at != null) {
      shared.outbox.add(message, this, at);
    }
  }

  @Override
  public void heard(Endpoint from, int bytes) {
    rxBytes().add(bytes);
    if (heardFrom(from)) {
      reportMove();
    }
  }

  /** Reports that packets came from another endpoint, or to another address of ours. */
  void reportMove() {
    Endpoint from = reportedEndpoint;
    Endpoint to = endpoint();
    if (to != null && !to.isSamePlace(from)) {
      reportedEndpoint = to;
      if (from != null) {
        shared.events.add(new TunnelEvent.EndpointMoved(name, from, to));
      }
    }
    shared.events.add(new TunnelEvent.SourceHeard(name));
  }

  @Override
  public void initiated(TransportKeys keys) {
    sessions.initiated(new Session(this, keys, shared.limits));
  }

  @Override
  public void answered(TransportKeys keys) {
    sessions.answered(new Session(this, keys, shared.limits));
  }

  @Override
  public boolean promoteConfirmed() {
    return sessions.promoteConfirmed();
  }

  @Override
  public void established(boolean initiator) {
    shared.outbox.ready(this);
    Endpoint at = endpoint();
    if (at != null) {
      shared.events.add(new TunnelEvent.SessionEstablished(name, at, initiator));
    }
  }

  @Override
  public void timestampAnswered(Instant timestamp) {
    shared.events.add(new TunnelEvent.TimestampAnswered(name, timestamp));
  }

  @Override
  public boolean canSend(long nowNanos) {
    Session current = sessions.current();
    return current != null && current.maySend(nowNanos);
  }

  @Override
  public boolean hasFreshSession(long nowNanos) {
    Session current = sessions.current();
    return current != null && current.maySend(nowNanos) && !current.isStaleForSending(nowNanos);
  }

  @Override
  public void abandoned(int attempts) {
    dropStaged();
    shared.events.add(new TunnelEvent.HandshakeAbandoned(name, attempts));
  }

  @Override
  public void keysOutlived() {
    sessions.clear();
    dropStaged();
  }

  /** Does nothing, since every lane checks a session's age itself. */
  @Override
  public void endExpiredSessions(long nowNanos) {}

  private void dropStaged() {
    shared.controlDrops.count(DropReason.NO_SESSION, staged().clear());
  }

  @Override
  public String toString() {
    return name;
  }
}
