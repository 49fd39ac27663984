// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.testing.Station;
import java.lang.foreign.ValueLayout;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** A WireGuard engine with its keys. */
final class Node extends Station {
  final SecretBytes privateKey;
  final PublicKey publicKey;
  WireGuardEngine engine;
  DataPath path;

  private final Limits limits;
  private final AeadBackend backend;
  private int handOvers;

  Node(String name, int number) {
    this(name, number, Limits.OF_THE_PAPER);
  }

  Node(String name, int number, Limits limits) {
    this(name, number, limits, backend());
  }

  Node(String name, int number, Limits limits, AeadBackend backend) {
    this(name, number, limits, backend, seeded(number));
  }

  Node(String name, int number, Limits limits, AeadBackend backend, SecureRandom random) {
    super(name, number, 51_820);
    byte[] key = X25519.generatePrivateKey(random);
    publicKey = PublicKey.of(X25519.publicKey(key));
    privateKey = SecretBytes.owning(key);
    this.limits = limits;
    this.backend = backend;
    engine = new WireGuardEngine(backend, random, null, limits);
    path = engine.newDataPath();
    engine.apply(
        new DeviceUpdate(privateKey, OptionalInt.empty(), OptionalInt.empty(), false, List.of()));
  }

  /** Continues on a new engine, as in another process. The former one is closed. */
  void handOver(long now) {
    handOver(now, SafetyJump.PACKETS);
  }

  /** The same, with another jump of the send counters. */
  void handOver(long now, long jump) {
    try (WireGuardEngine former = engine) {
      engine = successor(now, jump);
      path = engine.newDataPath();
      // The events that the former one has yet to report.
      for (TunnelEvent event = former.pollEvent(); event != null; event = former.pollEvent()) {
        events.add(event);
      }
    }
  }

  /** An engine that could continue this one, which goes on being used. */
  WireGuardEngine successor(long now, long jump) {
    WireGuardEngine successor = fresh();
    try (StateWriter out = new StateWriter()) {
      engine.save(out, now);
      StateReader in = new StateReader(out.written());
      successor.restore(in, now, jump);
      in.end();
    } catch (StateException e) {
      throw new AssertionError(e);
    }
    return successor;
  }

  /** An engine like this one's, without keys and peers. */
  WireGuardEngine fresh() {
    return new WireGuardEngine(
        backend, seeded(1000L * ++handOvers + name.hashCode()), null, limits);
  }

  /** The whole state. */
  byte[] saved(long now) {
    return saved(engine, now);
  }

  static byte[] saved(WireGuardEngine engine, long now) {
    try (StateWriter out = new StateWriter()) {
      engine.save(out, now);
      return out.written().toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /**
   * A backend that does not notice a nonce that is used twice, so that the control of tests can.
   */
  static AeadBackend backend() {
    return AeadBackends.all().stream()
        .filter(backend -> backend.name().equals("javax"))
        .findFirst()
        .orElseThrow();
  }

  static SecureRandom seeded(long seed) {
    try {
      SecureRandom random = SecureRandom.getInstance("SHA1PRNG");
      random.setSeed(seed);
      return random;
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public WireGuardEngine engine() {
    return engine;
  }

  @Override
  public DataPath path() {
    return path;
  }

  @Override
  protected int mtu() {
    return engine.mtu();
  }

  @Override
  public void knows(Station other) {
    peer(
        (Node) other,
        other.address,
        null,
        OptionalInt.empty(),
        Prefix.host(other.inner).toString());
  }

  void peer(
      Node other,
      @Nullable Endpoint endpoint,
      @Nullable SecretBytes presharedKey,
      OptionalInt keepalive,
      String... allowedIps) {
    List<PeerUpdate.AllowedIpChange> ranges = new ArrayList<>();
    for (String range : allowedIps) {
      ranges.add(new PeerUpdate.AllowedIpChange(Prefix.parse(range), false));
    }
    apply(
        new PeerUpdate(
            other.publicKey, false, false, presharedKey, endpoint, keepalive, false, ranges));
  }

  void remove(Node other) {
    apply(
        new PeerUpdate(
            other.publicKey, true, false, null, null, OptionalInt.empty(), false, List.of()));
  }

  void apply(PeerUpdate... peers) {
    engine.apply(
        new DeviceUpdate(null, OptionalInt.empty(), OptionalInt.empty(), false, List.of(peers)));
  }

  @Override
  public WireGuardPeer peer(Station other) {
    TunnelPeer peer = engine.route4((int) other.inner.low());
    assertNotNull(peer, name + " has no route to " + other.name);
    return (WireGuardPeer) peer;
  }

  /** The session that is sent under. */
  Session session(Node other) {
    Session session = peer(other).sessions().current();
    assertNotNull(session, name + " has no session with " + other.name);
    return session;
  }
}
