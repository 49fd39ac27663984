// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Greetings;
import dev.culvert.tunnel.engine.MessageQueue;
import dev.culvert.tunnel.engine.RemovedTraffic;
import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.noise.Handshakes;
import dev.culvert.tunnel.noise.LocalIdentity;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.noise.SavedHandshakes;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes an engine's state for the process that continues it, and reads it there. All that a reader
 * changes before the last byte is read can be taken back. Belongs to the control thread.
 */
final class SavedEngine {
  private final WireGuardState shared;
  private final Map<PublicKey, WireGuardPeer> peers;
  private final Handshakes handshakes;
  private final SavedHandshakes savedHandshakes;
  private final Greetings<WireGuardPeer> greetings;

  SavedEngine(
      WireGuardState shared,
      Map<PublicKey, WireGuardPeer> peers,
      Handshakes handshakes,
      Greetings<WireGuardPeer> greetings) {
    this.shared = shared;
    this.peers = peers;
    this.handshakes = handshakes;
    this.greetings = greetings;
    savedHandshakes = new SavedHandshakes(handshakes);
  }

  // 1. Writing

  void save(StateWriter out, long nowNanos) {
    LocalIdentity identity = shared.identity();
    out.optional(identity == null ? null : identity.privateKey(), out::secret);
    shared.indices.save(out);
    Set<WireGuardPeer> waiting = greetings.waiting();
    out.list(peers.values(), peer -> savePeer(peer, !waiting.contains(peer), out, nowNanos))
        .list(shared.outbox.messages(), message -> saveOutbound(message, out))
        .list(shared.handshakes.messages(), message -> saveInbound(message, out))
        .int64(shared.removed.txBytes())
        .int64(shared.removed.rxBytes());
    shared.controlDrops.save(out);
    savedHandshakes.save(out, nowNanos);
  }

  /** A peer whose greeting is still due is greeted by the other process. */
  private void savePeer(WireGuardPeer peer, boolean noneDue, StateWriter out, long nowNanos) {
    out.bytes(peer.publicKey().toByteArray())
        .flag(peer.greeted && noneDue)
        .list(shared.allowedIps.of(peer), out::prefix);
    peer.save(out, savedHandshakes, nowNanos);
  }

  private static void saveOutbound(Outbox.Message message, StateWriter out) {
    out.bytes(message.bytes())
        .optional(message.peer(), peer -> out.bytes(peer.publicKey().toByteArray()))
        .endpoint(message.to());
  }

  private static void saveInbound(MessageQueue.Message message, StateWriter out) {
    out.bytes(message.bytes()).endpoint(message.from());
  }

  // 2. Reading

  /** A peer with the requests that nobody has served. */
  private record Restored(WireGuardPeer peer, int requests) {}

  /**
   * Reads into a new engine.
   *
   * @param jump the packets by which every send counter jumps ahead
   * @throws StateException if the state cannot be read; the engine is as new, and secrets are wiped
   */
  void restore(StateReader in, long savedAtNanos, long jump) throws StateException {
    if (!peers.isEmpty() || shared.identity() != null) {
      throw new IllegalStateException("an engine with keys or peers cannot continue another");
    }
    boolean complete = false;
    try {
      read(in, savedAtNanos);
      peers.values().forEach(peer -> peer.sessions().jumpAhead(jump));
      complete = true;
    } finally {
      if (!complete) {
        discard();
      }
    }
  }

  private void read(StateReader in, long savedAtNanos) throws StateException {
    shared.identity(in.optional(() -> readIdentity(in)));
    shared.indices.restore(in);
    List<Restored> restored = in.list(() -> readPeer(in, savedAtNanos));
    List<Outbox.Message> outbound = in.list(() -> readOutbound(in));
    List<MessageQueue.Message> inbound = in.list(() -> readInbound(in));
    RemovedTraffic removed = new RemovedTraffic(in.int64(), in.int64());
    Map<DropReason, Long> drops = shared.controlDrops.read(in);
    if (shared.allowedIps.bits() > DeviceConfiguration.MAX_RANGE_BITS) {
      throw new StateException("more allowed IPs than this process's heap bears (-Xmx)");
    }
    savedHandshakes.restore(in, savedAtNanos);
    // All is read: nothing below can fail.
    shared.allowedIps.publish();
    shared.removed = removed;
    shared.controlDrops.add(drops);
    outbound.forEach(message -> shared.outbox.add(message.bytes(), message.peer(), message.to()));
    inbound.forEach(message -> shared.handshakes.offer(message.bytes(), message.from()));
    restored.forEach(this::resume);
  }

  private static LocalIdentity readIdentity(StateReader in) throws StateException {
    try (SecretBytes key = in.secret(Messages.KEY_LENGTH)) {
      return new LocalIdentity(key, WireGuardEngine.LABELS);
    }
  }

  private Restored readPeer(StateReader in, long savedAtNanos) throws StateException {
    PublicKey key = PublicKey.of(in.bytes(PublicKey.LENGTH));
    WireGuardPeer peer = new WireGuardPeer(key, shared);
    LocalIdentity identity = shared.identity();
    if (peers.size() >= Messages.MAX_PEERS
        || (identity != null && identity.publicKey().equals(key))
        || peers.putIfAbsent(key, peer) != null) {
      throw new StateException("a peer too many, twice, or this device itself");
    }
    peer.greeted = in.flag();
    for (Prefix range : in.list(in::prefix)) {
      shared.allowedIps.give(range, peer);
    }
    return new Restored(peer, peer.restore(in, savedHandshakes, savedAtNanos));
  }

  private Outbox.Message readOutbound(StateReader in) throws StateException {
    byte[] bytes = readMessage(in);
    PublicKey key = in.optional(() -> PublicKey.of(in.bytes(PublicKey.LENGTH)));
    WireGuardPeer peer = key == null ? null : peers.get(key);
    if (key != null && peer == null) {
      throw new StateException("a message for a peer that is not there");
    }
    return new Outbox.Message(bytes, peer, in.endpoint());
  }

  private static MessageQueue.Message readInbound(StateReader in) throws StateException {
    return new MessageQueue.Message(readMessage(in), in.endpoint());
  }

  private static byte[] readMessage(StateReader in) throws StateException {
    byte[] bytes = in.bytes();
    if (bytes.length < Messages.TYPE_LENGTH
        || Messages.handshakeLength(Messages.getInt(bytes, Messages.TYPE)) != bytes.length) {
      throw new StateException("no handshake message");
    }
    return bytes;
  }

  /** Goes on with the work for a peer that was under way. */
  private void resume(Restored restored) {
    WireGuardPeer peer = restored.peer;
    int requests = restored.requests & Request.ALL;
    if (requests != 0) {
      shared.requests.submit(peer, requests);
    }
    // Without a session, the packets wait for the handshake that is under way.
    if (peer.sessions().current() != null && (peer.keepaliveWanted || !peer.staged().isEmpty())) {
      shared.ready.add(peer);
    }
  }

  private void discard() {
    for (WireGuardPeer peer : peers.values()) {
      shared.allowedIps.takeAll(peer);
      handshakes.forgetPending(peer.handshake());
      peer.retire();
      peer.staged().close();
    }
    peers.clear();
    shared.deadlines.clear();
    LocalIdentity identity = shared.identity();
    shared.identity(null);
    if (identity != null) {
      identity.close();
    }
  }

  // 3. Going on after the state was given away

  void jumpAhead() {
    for (WireGuardPeer peer : peers.values()) {
      peer.sessions().jumpAhead(SafetyJump.PACKETS_OF_THE_FORMER);
      savedHandshakes.replacePending(peer.handshake());
    }
    shared.outbox.dropInitiations();
  }
}
