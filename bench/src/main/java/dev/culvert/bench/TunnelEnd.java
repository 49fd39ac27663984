// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.routing.Classifier;
import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Policy;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Datagram;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.lane.ClusterRoutes;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.train.Train;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate;
import dev.culvert.tunnel.wireguard.WireGuardEngine;
import java.lang.foreign.Arena;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One engine with its only peer, in memory. Time stands still, so that a session never grows old
 * and no figure has a handshake in it.
 */
final class TunnelEnd implements AutoCloseable {
  static final long NOW = 0;

  private static final long WALL_NANOS = 1_700_000_000_000_000_000L;

  private final int number;
  private final WireGuardEngine engine;
  private final DataPath path;
  private final Endpoint endpoint;
  private final SecretBytes privateKey;
  private final PublicKey publicKey;
  private @Nullable TunnelEnd opposite;

  private TunnelEnd(int number) {
    this.number = number;
    SecureRandom random = new SecureRandom();
    byte[] key = X25519.generatePrivateKey(random);
    publicKey = PublicKey.of(X25519.publicKey(key));
    privateKey = SecretBytes.owning(key);
    engine = new WireGuardEngine(AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305), random);
    path = engine.newDataPath();
    endpoint = Endpoint.of(IpAddress.parse("192.0.2." + number), 51_820);
  }

  /** End 1 of two that shook hands; either may send. */
  static TunnelEnd connected() {
    TunnelEnd one = new TunnelEnd(1);
    TunnelEnd two = new TunnelEnd(2);
    one.peerWith(two);
    two.peerWith(one);
    one.shakeHandsWith(two);
    return one;
  }

  /** The bytes that WireGuard puts around a packet. */
  static Overhead overhead() {
    try (TunnelEnd alone = new TunnelEnd(1)) {
      return alone.engine.overhead();
    }
  }

  /** The IPv4 address behind an end. */
  static IpAddress inner4(int number) {
    return IpAddress.parse("10." + number + ".0.1");
  }

  /** The IPv6 address behind an end. */
  static IpAddress inner6(int number) {
    return IpAddress.parse("fd00:" + number + "::1");
  }

  /**
   * A cluster of so many ranges, with both ends and up to 5,000 other nodes.
   *
   * @param prefixes at least 4
   */
  static ClusterMap cluster(int prefixes) {
    Random random = new Random(1);
    List<ClusterNode> nodes = new ArrayList<>(List.of(node(1), node(2)));
    Set<Prefix> ranges = new LinkedHashSet<>();
    while (ranges.size() < prefixes - 4) {
      // 10.64.0.0 to 10.255.255.255: beside the ends' own.
      int address = 10 << 24 | (0x40_0000 + random.nextInt(0xc0_0000));
      ranges.add(new Prefix(IpAddress.ofV4(address), 28));
    }
    List<Prefix> all = List.copyOf(ranges);
    int share = Math.max(1, all.size() / 5000);
    for (int i = 0; i < all.size(); i += share) {
      List<Prefix> pods = all.subList(i, Math.min(all.size(), i + share));
      nodes.add(
          new ClusterNode(
              "other-" + i, Set.of(), Map.of(), List.of(), List.of(), pods, "key-" + i));
    }
    return ClusterMap.of(nodes, List.of(Prefix.parse("10.0.0.0/8"), Prefix.parse("fd00::/16")));
  }

  private static ClusterNode node(int number) {
    List<Prefix> pods = List.of(new Prefix(inner4(number), 24), new Prefix(inner6(number), 64));
    String name = "end-" + number;
    return new ClusterNode(name, Set.of(), Map.of(), List.of(), List.of(), pods, name);
  }

  /** The routes of this end in such a cluster; no other node has a peer. */
  ClusterRoutes routes(ClusterMap map) {
    String opposite = "end-" + (3 - number);
    return ClusterRoutes.of(
        Classifier.of(map, Policy.STRICT, "end-" + number),
        name -> name.equals(opposite) ? peer() : null);
  }

  private void peerWith(TunnelEnd other) {
    opposite = other;
    PeerUpdate peer =
        new PeerUpdate(
            other.publicKey,
            false,
            false,
            null,
            other.endpoint,
            OptionalInt.empty(),
            false,
            List.of(
                new PeerUpdate.AllowedIpChange(new Prefix(inner4(other.number), 24), false),
                new PeerUpdate.AllowedIpChange(new Prefix(inner6(other.number), 64), false)));
    engine.apply(
        new DeviceUpdate(
            privateKey, OptionalInt.empty(), OptionalInt.empty(), false, List.of(peer)));
  }

  /** A packet without a session asks for one, and confirms it once the answer came. */
  private void shakeHandsWith(TunnelEnd other) {
    try (Arena arena = Arena.ofConfined()) {
      Datagram datagram = new Datagram(arena);
      if (sealKeepalive(datagram) != SealResult.STAGED) {
        throw new IllegalStateException("there is a session already");
      }
      boolean moved = true;
      while (moved) {
        moved = carryTo(other, datagram);
        moved |= other.carryTo(this, datagram);
      }
      if (sealKeepalive(datagram) != SealResult.SEALED
          || other.sealKeepalive(datagram) != SealResult.SEALED) {
        throw new IllegalStateException("the handshake failed");
      }
    }
  }

  private SealResult sealKeepalive(Datagram scratch) {
    Train train = new Train().startAt(scratch.memory(), 0, engine.overhead().headroom());
    train.add(0, engine.overhead().sealedLength(0, engine.mtu()));
    return path.seal(peer(), train, NOW);
  }

  private boolean carryTo(TunnelEnd other, Datagram datagram) {
    engine.advance(NOW, WALL_NANOS);
    boolean any = false;
    while (engine.pollTransmit(datagram, NOW)) {
      int length = datagram.length();
      other.path.open(new Train().received(datagram.memory(), 0, length, 1, length), endpoint, NOW);
      any = true;
    }
    while (engine.pollEvent() != null) {
      any = true;
    }
    return any;
  }

  WireGuardEngine engine() {
    return engine;
  }

  DataPath path() {
    return path;
  }

  /** The address that this end sends from. */
  Endpoint endpoint() {
    return endpoint;
  }

  /** The other end itself. */
  TunnelEnd other() {
    return Objects.requireNonNull(opposite, "not connected");
  }

  /** The other end, as this one's engine knows it. */
  TunnelPeer peer() {
    TunnelPeer peer = engine.route4((int) inner4(3 - number).low());
    if (peer == null) {
      throw new IllegalStateException("no route to the other end");
    }
    return peer;
  }

  void useBackend(AeadBackend backend) {
    engine.useBackend(backend);
  }

  @Override
  public void close() {
    engine.close();
    privateKey.close();
  }
}
