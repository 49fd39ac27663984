// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.testing;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import dev.culvert.tunnel.wireguard.DeviceSnapshot.PeerSnapshot;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerContact;
import dev.culvert.tunnel.wireguard.PeerUpdate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/** A device that keeps its configuration and moves nothing. Port 1 is always in use. */
public final class FakeWireGuard implements WireGuardDevice {

  private final FakeTunnel tunnel;
  private final Map<PublicKey, Peer> peers = new LinkedHashMap<>();
  private final List<DeviceUpdate> updates = new ArrayList<>();
  private byte[] privateKey = new byte[32];
  private volatile int unanswered;
  private volatile boolean stuck;
  private volatile CountDownLatch held = new CountDownLatch(0);

  public FakeWireGuard(String name) {
    tunnel = new FakeTunnel(name, () -> {});
  }

  private static final class Peer {
    byte[] presharedKey = new byte[32];
    @Nullable Endpoint endpoint;
    Set<IpAddress> addresses = Set.of();
    int persistentKeepalive;
    final TreeSet<Prefix> allowedIps = new TreeSet<>();
  }

  /** The arguments of {@link #configure}, in order. */
  public synchronized List<DeviceUpdate> updates() {
    return List.copyOf(updates);
  }

  @Override
  public void restore(StateReader state) {}

  @Override
  public FakeTunnel tunnel() {
    return tunnel;
  }

  /** As if a lane of it did not answer. */
  public void stick() {
    stuck = true;
  }

  /** Each further change is made, and returns only after this. */
  public void holdAfterChange(CountDownLatch until) {
    held = until;
  }

  @Override
  public void configure(DeviceUpdate update) throws DeviceException {
    change(update);
    try {
      held.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private synchronized void change(DeviceUpdate update) throws DeviceException {
    if (stuck) {
      throw new IllegalStateException("a lane does not answer");
    }
    if (update.listenPort().orElse(0) == 1) {
      throw new DeviceException("UDP port 1 is in use", Errno.EADDRINUSE);
    }
    updates.add(update);
    if (update.privateKey() != null) {
      privateKey = update.privateKey().toByteArray();
    }
    tunnel.bind(
        update.listenPort().orElse(tunnel.listenPort()), update.fwmark().orElse(tunnel.fwmark()));
    if (update.replacePeers()) {
      peers.clear();
    }
    update.peers().forEach(this::apply);
  }

  private void apply(PeerUpdate update) {
    if (update.remove()) {
      peers.remove(update.publicKey());
      return;
    }
    if (update.updateOnly() && !peers.containsKey(update.publicKey())) {
      return;
    }
    Peer peer = peers.computeIfAbsent(update.publicKey(), key -> new Peer());
    if (update.presharedKey() != null) {
      peer.presharedKey = update.presharedKey().toByteArray();
    }
    peer.endpoint = update.endpoint() == null ? peer.endpoint : update.endpoint();
    peer.addresses = update.addresses() == null ? peer.addresses : update.addresses();
    peer.persistentKeepalive = update.persistentKeepalive().orElse(peer.persistentKeepalive);
    if (update.replaceAllowedIps()) {
      peer.allowedIps.clear();
    }
    for (PeerUpdate.AllowedIpChange change : update.allowedIps()) {
      if (change.remove()) {
        peer.allowedIps.remove(change.prefix());
      } else {
        peers.values().forEach(other -> other.allowedIps.remove(change.prefix()));
        peer.allowedIps.add(change.prefix());
      }
    }
  }

  @Override
  public synchronized DeviceSnapshot snapshot() {
    boolean keyed = !SecretBytes.copyOf(privateKey).isZero();
    List<PeerSnapshot> snapshots = new ArrayList<>();
    peers.forEach(
        (key, peer) ->
            snapshots.add(
                new PeerSnapshot(
                    key,
                    SecretBytes.copyOf(peer.presharedKey),
                    peer.endpoint,
                    peer.addresses,
                    peer.endpoint == null ? null : Instant.ofEpochSecond(1_700_000_000L, 42),
                    1000,
                    2000,
                    peer.persistentKeepalive,
                    List.copyOf(peer.allowedIps))));
    return new DeviceSnapshot(
        keyed ? SecretBytes.copyOf(privateKey) : null,
        keyed ? PublicKey.of(X25519.publicKey(privateKey)) : null,
        snapshots);
  }

  /** How many handshakes peers have not answered. */
  public void unanswered(int handshakes) {
    unanswered = handshakes;
  }

  @Override
  public synchronized Map<PublicKey, PeerContact> contacts(Collection<PublicKey> of) {
    Map<PublicKey, PeerContact> contacts = new LinkedHashMap<>();
    for (PublicKey key : of) {
      Peer peer = peers.get(key);
      if (peer != null) {
        contacts.put(key, new PeerContact(peer.endpoint, unanswered));
      }
    }
    return contacts;
  }
}
