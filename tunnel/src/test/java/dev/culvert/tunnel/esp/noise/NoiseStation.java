// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.esp.EspEngine;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.SaStatus;
import dev.culvert.tunnel.esp.Selectors;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.testing.Station;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An ESP engine that gets its keys by handshakes. */
final class NoiseStation extends Station {
  final SecretBytes privateKey;
  final PublicKey publicKey;
  final SealLog sealed;
  private final PacketLimits limits;
  private final Map<String, NoisePeerKeys> keys = new LinkedHashMap<>();
  private final Map<String, EspPeerSettings> peers = new LinkedHashMap<>();
  private EspEngine engine;
  private NoiseKeying keying;
  private DataPath path;

  NoiseStation(String name, int number, SealLog sealed) {
    this(name, number, sealed, PacketLimits.DEFAULT);
  }

  NoiseStation(String name, int number, SealLog sealed, PacketLimits limits) {
    super(name, number, 4500);
    this.sealed = sealed;
    this.limits = limits;
    byte[] key = X25519.generatePrivateKey(seeded(1000 + number));
    publicKey = PublicKey.of(X25519.publicKey(key));
    privateKey = SecretBytes.owning(key);
    keying = newKeying(number);
    engine = newEngine();
    path = engine.newDataPath();
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

  private NoiseKeying newKeying(long seed) {
    return new NoiseKeying(
        privateKey,
        AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305),
        seeded(seed),
        null,
        limits);
  }

  private EspEngine newEngine() {
    return new EspEngine(
        keying,
        Map.of(AeadAlgorithm.AES_GCM, sealed.over(AeadBackends.first(AeadAlgorithm.AES_GCM))));
  }

  /** Dies without a word and comes up again, remembering nothing but its configuration. */
  void restart(long seed, long now) {
    engine.close();
    keying = newKeying(seed);
    engine = newEngine();
    path = engine.newDataPath();
    apply(now);
  }

  /** Tells the engine of the same peers once more, without telling the keying who they are. */
  void knowsAgain(long now) {
    engine.peers(peers.values(), now);
  }

  private void apply(long now) {
    keying.keys(keys);
    engine.peers(peers.values(), now);
  }

  @Override
  public EspEngine engine() {
    return engine;
  }

  NoiseKeying keying() {
    return keying;
  }

  @Override
  public DataPath path() {
    return path;
  }

  @Override
  protected int mtu() {
    return 1438;
  }

  @Override
  public void knows(Station other) {
    knows((NoiseStation) other, null, 0, other.address, List.of(Prefix.host(other.inner)));
  }

  void knows(
      NoiseStation other,
      @Nullable SecretBytes presharedKey,
      int keepaliveSeconds,
      Endpoint endpoint,
      List<Prefix> prefixes) {
    keys.put(other.name, new NoisePeerKeys(other.publicKey, presharedKey, keepaliveSeconds));
    peers.put(
        other.name,
        new EspPeerSettings(
            other.name,
            address.address(),
            other.address.address(),
            endpoint,
            new Selectors(List.of(Prefix.host(inner)), prefixes)));
    apply(0);
  }

  /** Tells that the other, which is known, may also be at these addresses. */
  void knowsAlsoAt(Station other, List<IpAddress> addresses, long now) {
    peers.computeIfPresent(
        other.name,
        (name, known) ->
            new EspPeerSettings(
                name,
                known.localNode(),
                known.remoteNode(),
                known.endpoint(),
                known.selectors(),
                known.binding(),
                known.keepaliveSeconds(),
                addresses));
    apply(now);
  }

  @Override
  public TunnelPeer peer(Station other) {
    TunnelPeer peer = engine.route4((int) other.inner.low());
    assertNotNull(peer, name + " has no route to " + other.name);
    return peer;
  }

  List<SaStatus> sas(boolean outbound, long now) {
    return engine.securityAssociations(now).stream()
        .filter(sa -> sa.outbound() == outbound)
        .toList();
  }

  /** The SA to send under, or null. */
  @Nullable SaStatus sending(long now) {
    List<SaStatus> all = sas(true, now);
    return all.isEmpty() ? null : all.getFirst();
  }
}
