// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.noise.Handshakes;
import dev.culvert.tunnel.noise.LocalIdentity;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.noise.PublicKey;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Applies {@link DeviceUpdate}s and takes {@link DeviceSnapshot}s. All checks come before the first
 * change. Belongs to the control thread.
 */
final class DeviceConfiguration {
  private static final int MAX_KEEPALIVE_SECONDS = 65_535;

  /**
   * The most bits of allowed IPs that fit the heap, in the worst case: a table takes five bytes per
   * bit, the old one lives on while the next is built, and the ranges themselves take as much
   * again.
   */
  static final long MAX_RANGE_BITS = Runtime.getRuntime().maxMemory() / 20;

  private final WireGuardState shared;
  private final Map<PublicKey, WireGuardPeer> peers;
  private final Handshakes handshakes;
  private final DropCounters drops;

  DeviceConfiguration(
      WireGuardState shared,
      Map<PublicKey, WireGuardPeer> peers,
      Handshakes handshakes,
      DropCounters drops) {
    this.shared = shared;
    this.peers = peers;
    this.handshakes = handshakes;
    this.drops = drops;
  }

  void apply(DeviceUpdate update) {
    check(update);
    SecretBytes privateKey = update.privateKey();
    if (privateKey != null) {
      changeIdentity(privateKey);
    }
    if (update.replacePeers()) {
      keepOnlyNamed(update.peers());
    }
    update.peers().forEach(this::applyPeer);
    shared.allowedIps.publish();
  }

  private void check(DeviceUpdate update) {
    checkKey(update.privateKey(), "private key");
    Set<PublicKey> after = new HashSet<>(update.replacePeers() ? Set.of() : peers.keySet());
    for (PeerUpdate peer : update.peers()) {
      checkKey(peer.presharedKey(), "preshared key of " + peer.publicKey());
      int keepalive = peer.persistentKeepalive().orElse(0);
      if (keepalive < 0 || keepalive > MAX_KEEPALIVE_SECONDS) {
        throw new IllegalArgumentException(
            "persistent keepalive of " + peer.publicKey() + " is not 0 to 65535: " + keepalive);
      }
      if (peer.remove()) {
        after.remove(peer.publicKey());
      } else {
        after.add(peer.publicKey());
      }
    }
    if (after.size() > Messages.MAX_PEERS) {
      throw new IllegalArgumentException("more than " + Messages.MAX_PEERS + " peers");
    }
    long bits = update.replacePeers() ? 0 : shared.allowedIps.bits();
    for (PeerUpdate peer : update.peers()) {
      bits += peer.allowedIps().stream().mapToLong(range -> range.prefix().length()).sum();
    }
    if (bits > MAX_RANGE_BITS) {
      throw new IllegalArgumentException(
          "more allowed IPs than the heap bears: prefix lengths of %d in all, and %d fit (-Xmx)"
              .formatted(bits, MAX_RANGE_BITS));
    }
  }

  private static void checkKey(@Nullable SecretBytes key, String name) {
    if (key != null && key.length() != Messages.KEY_LENGTH) {
      throw new IllegalArgumentException(name + " is 32 bytes, not " + key.length());
    }
  }

  /**
   * Takes a new key, which is a new identity: all sessions, handshakes and shared secrets of the
   * old one end.
   */
  private void changeIdentity(SecretBytes privateKey) {
    LocalIdentity old = shared.identity();
    LocalIdentity identity =
        privateKey.isZero() ? null : new LocalIdentity(privateKey, WireGuardEngine.LABELS);
    if (old == null ? identity == null : identity != null && samePublic(old, identity)) {
      if (identity != null) {
        identity.close();
      }
      return;
    }
    shared.identity(identity);
    if (identity != null) {
      WireGuardPeer self = peers.remove(identity.publicKey());
      if (self != null) {
        retire(self);
      }
    }
    for (WireGuardPeer peer : peers.values()) {
      handshakes.forgetPending(peer.handshake());
      peer.sessions().clear();
      peer.handshake().startAfresh();
      peer.handshake().staticStatic(identity == null ? null : identity.agree(peer.publicKey()));
      if (!peer.staged().isEmpty()) {
        shared.requests.submit(peer, Request.HANDSHAKE);
      }
    }
    if (old != null) {
      old.close();
    }
  }

  private static boolean samePublic(LocalIdentity a, LocalIdentity b) {
    return a.publicKey().equals(b.publicKey());
  }

  /**
   * Removes the peers that are not named. The named ones start from defaults, but keep their
   * sessions and endpoints.
   */
  private void keepOnlyNamed(List<PeerUpdate> named) {
    Set<PublicKey> names = new HashSet<>();
    named.forEach(peer -> names.add(peer.publicKey()));
    for (Iterator<WireGuardPeer> all = peers.values().iterator(); all.hasNext(); ) {
      WireGuardPeer peer = all.next();
      if (names.contains(peer.publicKey())) {
        shared.allowedIps.takeAll(peer);
        peer.handshake().presharedKey(SecretBytes.owning(new byte[Messages.KEY_LENGTH]));
      } else {
        all.remove();
        retire(peer);
      }
    }
    for (PeerUpdate update : named) {
      WireGuardPeer peer = peers.get(update.publicKey());
      if (peer != null && update.persistentKeepalive().isEmpty()) {
        peer.timers().persistentKeepalive(0);
      }
      if (peer != null && update.addresses() == null) {
        peer.addresses(Set.of());
      }
    }
  }

  private void applyPeer(PeerUpdate update) {
    LocalIdentity identity = shared.identity();
    if (identity != null && update.publicKey().equals(identity.publicKey())) {
      return;
    }
    if (update.remove()) {
      WireGuardPeer gone = peers.remove(update.publicKey());
      if (gone != null) {
        retire(gone);
      }
      return;
    }
    WireGuardPeer peer = peers.get(update.publicKey());
    if (peer == null) {
      if (update.updateOnly()) {
        return;
      }
      peer = new WireGuardPeer(update.publicKey(), shared);
      peer.handshake().staticStatic(identity == null ? null : identity.agree(update.publicKey()));
      peers.put(update.publicKey(), peer);
    }
    change(peer, update);
  }

  private void change(WireGuardPeer peer, PeerUpdate update) {
    SecretBytes presharedKey = update.presharedKey();
    if (presharedKey != null) {
      peer.handshake().presharedKey(presharedKey.copy());
    }
    boolean hadEndpoint = peer.endpoint() != null;
    Endpoint endpoint = update.endpoint();
    if (endpoint != null) {
      peer.endpoint(endpoint);
      peer.reported(endpoint);
    }
    if (update.addresses() != null) {
      peer.addresses(update.addresses());
    }
    boolean wasOff = peer.timers().persistentKeepalive() == 0;
    update
        .persistentKeepalive()
        .ifPresent(seconds -> peer.timers().persistentKeepalive(TimeUnit.SECONDS.toNanos(seconds)));
    if (peer.timers().persistentKeepalive() != 0 && (wasOff || !hadEndpoint)) {
      shared.requests.submit(peer, Request.KEEPALIVE);
    }
    if (update.replaceAllowedIps()) {
      shared.allowedIps.takeAll(peer);
    }
    for (PeerUpdate.AllowedIpChange range : update.allowedIps()) {
      if (range.remove()) {
        shared.allowedIps.take(range.prefix(), peer);
      } else {
        shared.allowedIps.give(range.prefix(), peer);
      }
    }
  }

  /** Ends everything of a peer that was taken out of the table, even if a lane still holds it. */
  private void retire(WireGuardPeer peer) {
    shared.allowedIps.takeAll(peer);
    peer.retire();
    handshakes.forgetPending(peer.handshake());
    drops.count(DropReason.NO_SESSION, peer.staged().close());
    shared.removed = shared.removed.with(peer);
  }

  DeviceSnapshot snapshot() {
    LocalIdentity identity = shared.identity();
    return new DeviceSnapshot(
        identity == null ? null : identity.privateKey().copy(),
        identity == null ? null : identity.publicKey(),
        peers.values().stream().map(this::snapshot).toList());
  }

  private DeviceSnapshot.PeerSnapshot snapshot(WireGuardPeer peer) {
    return new DeviceSnapshot.PeerSnapshot(
        peer.publicKey(),
        peer.handshake().presharedKey().copy(),
        peer.endpoint(),
        peer.addresses(),
        peer.handshake().lastHandshake(),
        peer.txBytes().sum(),
        peer.rxBytes().sum(),
        (int) TimeUnit.NANOSECONDS.toSeconds(peer.timers().persistentKeepalive()),
        shared.allowedIps.of(peer));
  }

  /** Wipes everything. */
  void close() {
    peers.values().forEach(this::retire);
    peers.clear();
    shared.allowedIps.publish();
    LocalIdentity identity = shared.identity();
    shared.identity(null);
    if (identity != null) {
      identity.close();
    }
  }
}
