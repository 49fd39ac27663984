// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.BasePeer;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.PeerReading;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.noise.HandshakePeer;
import dev.culvert.tunnel.noise.HandshakeUser;
import dev.culvert.tunnel.noise.PeerTimers;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.noise.SavedHandshakes;
import dev.culvert.tunnel.noise.TransportKeys;
import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The other end. Lanes share the first half of the fields; the second half and the callbacks of
 * handshakes belong to the control thread.
 */
final class WireGuardPeer extends BasePeer<WireGuardPeer> implements HandshakeUser {
  private final WireGuardState shared;
  private final String name;
  private final HandshakePeer handshake;
  private final Sessions sessions;
  private volatile Set<IpAddress> addresses = Set.of();

  // Control thread only.
  boolean keepaliveWanted;
  boolean greeted;

  WireGuardPeer(PublicKey publicKey, WireGuardState shared) {
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

  /** Writes this, except its public key and allowed IPs. */
  void save(StateWriter out, SavedHandshakes handshakes, long nowNanos) {
    saveBase(out);
    out.list(addresses, out::address).flag(keepaliveWanted);
    handshakes.savePeer(handshake, out, nowNanos);
    sessions.save(out, nowNanos);
  }

  /**
   * Reads into a new peer.
   *
   * @return the {@link Request}s that nobody has served
   * @throws StateException if it cannot be read; the caller then ends the peer
   */
  int restore(StateReader in, SavedHandshakes handshakes, long savedAtNanos) throws StateException {
    int requests = restoreBase(in);
    addresses = Set.copyOf(in.list(in::address));
    keepaliveWanted = in.flag();
    handshakes.restorePeer(handshake, in, savedAtNanos);
    sessions.restore(this, shared.limits, in, savedAtNanos);
    return requests;
  }

  /**
   * Requests a keepalive under the current session; data that is sent first makes it unnecessary.
   */
  @Override
  public void sendKeepalive() {
    keepaliveWanted = true;
    shared.ready.add(this);
  }

  PeerReading reading(long nowNanos) {
    return new PeerReading(
        name,
        endpoint(),
        handshake.state(nowNanos),
        handshake.lastHandshake(),
        txBytes().sum(),
        rxBytes().sum());
  }

  /** Whether there are keys with the peer, or packets that wait for them. */
  boolean isInUse() {
    return !sessions.isEmpty() || handshake.pending() != null || !staged().isEmpty();
  }

  @Override
  public boolean isReachable() {
    return endpoint() != null;
  }

  /** The only addresses from which the peer is heard; empty if it may be anywhere. */
  Set<IpAddress> addresses() {
    return addresses;
  }

  void addresses(Set<IpAddress> only) {
    addresses = only;
  }

  /**
   * Accepts messages from any endpoint, since the peer's endpoint follows its authentic packets,
   * unless its addresses are known: then a copy of its key elsewhere gets none of its packets.
   */
  @Override
  public boolean accepts(Endpoint from) {
    Set<IpAddress> only = addresses;
    return only.isEmpty() || only.contains(from.address());
  }

  @Override
  public boolean heardFrom(Endpoint from) {
    return accepts(from) && super.heardFrom(from);
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
      reportMove(shared.events::add);
    }
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
    shared.ready.add(this);
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
