// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.tunnel.esp.global.GlobalKeying;
import dev.culvert.tunnel.esp.global.KeyFile;
import dev.culvert.tunnel.esp.global.TestKeys;
import dev.culvert.tunnel.esp.manual.ManualKeying;
import dev.culvert.tunnel.esp.manual.ManualSa;
import dev.culvert.tunnel.esp.manual.SequenceStore;
import dev.culvert.tunnel.esp.noise.NoiseKeying;
import dev.culvert.tunnel.esp.noise.NoisePeerKeys;
import dev.culvert.tunnel.esp.noise.SealLog;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.testing.SimulatedNetwork;
import dev.culvert.tunnel.testing.SimulatedNetwork.Sent;
import java.nio.ByteBuffer;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.LongFunction;

/** Two ends of any keying that hand over, and an eavesdropper who counts (key, IV) pairs. */
final class HandOverScene {
  /** The keyings, each with the sequence numbers that it may have. */
  enum Kind {
    GLOBAL,
    GLOBAL_32,
    NOISE,
    MANUAL,
    MANUAL_32;

    boolean reservesNumbers() {
      return this == MANUAL || this == MANUAL_32;
    }

    boolean exchanges() {
      return !reservesNumbers();
    }
  }

  /** Reservations in memory, which outlive an engine. */
  static final class Memory implements SequenceStore {
    final Map<String, Long> reserved = new HashMap<>();

    @Override
    public Block reserve(String fingerprint, long count, long spaceEnd) {
      long first = reserved.getOrDefault(fingerprint, 1L);
      Block block = new Block(first, Math.min(first + count, spaceEnd));
      reserved.put(fingerprint, block.end());
      return block;
    }
  }

  final SealLog sealed = new SealLog();
  final HandOverStation alice;
  final HandOverStation bob;
  final SimulatedNetwork network;
  int number;

  HandOverScene(Kind kind) {
    alice = new HandOverStation("alice", 1, sealed, keyings(kind, 1, "bob", 2));
    bob = new HandOverStation("bob", 2, sealed, keyings(kind, 2, "alice", 1));
    network = SimulatedNetwork.of(alice, bob);
  }

  private static LongFunction<? extends Keying> keyings(
      Kind kind, int self, String peer, int other) {
    Memory store = new Memory();
    return switch (kind) {
      case GLOBAL -> seed -> global(true, seed, 3);
      case GLOBAL_32 -> seed -> global(false, seed, 3);
      case NOISE -> seed -> noise(self, peer, other, seed);
      case MANUAL, MANUAL_32 ->
          seed ->
              new ManualKeying(
                  List.of(manual(peer, other, kind == Kind.MANUAL)),
                  List.of(manual(peer, self, kind == Kind.MANUAL)),
                  store);
    };
  }

  static GlobalKeying global(boolean esn, long seed, int... ids) {
    try (KeyFile file = TestKeys.file(ids)) {
      return new GlobalKeying(file, esn, new Random(seed));
    }
  }

  static NoiseKeying noise(int self, String peer, int other, long seed) {
    return noise(self, Map.of(peer, other), seed);
  }

  static NoiseKeying noise(int self, Map<String, Integer> peers, long seed) {
    NoiseKeying keying =
        new NoiseKeying(
            SecretBytes.copyOf(privateKey(self)),
            AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305),
            seeded(seed),
            null);
    Map<String, NoisePeerKeys> keys = new HashMap<>();
    peers.forEach(
        (name, number) ->
            keys.put(
                name,
                new NoisePeerKeys(PublicKey.of(X25519.publicKey(privateKey(number))), null, 0)));
    keying.keys(keys);
    return keying;
  }

  private static byte[] privateKey(int of) {
    return X25519.generatePrivateKey(seeded(50L + of));
  }

  private static SecureRandom seeded(long seed) {
    try {
      SecureRandom random = SecureRandom.getInstance("SHA1PRNG");
      random.setSeed(seed);
      return random;
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  /** The SA of the packets that {@code sender} sends. */
  private static ManualSa manual(String peer, int sender, boolean esn) {
    byte[] key = new byte[16];
    new Random(sender).nextBytes(key);
    return new ManualSa(peer, 0x1000 + sender, SecretBytes.owning(key), 7, esn);
  }

  void connect() {
    network.settle();
    assertConnected();
  }

  void assertConnected() {
    int sent = ++number;
    network.send(alice, bob, sent);
    network.send(bob, alice, sent);
    network.settle();
    assertTrue(bob.deliveredNumbers().contains(sent), "alice to bob");
    assertTrue(alice.deliveredNumbers().contains(sent), "bob to alice");
  }

  /** Sends a numbered packet each way every 10 ms. */
  void traffic(int packets) {
    for (int i = 0; i < packets; i++) {
      number++;
      network.send(alice, bob, number);
      network.send(bob, alice, number);
      network.run(MILLISECONDS.toNanos(10));
    }
  }

  /** The packets under SAs that {@code station} has sent. */
  List<Sent> packets(HandOverStation station) {
    return network.seen.stream()
        .filter(sent -> sent.from().isSamePlace(station.address))
        .filter(sent -> ByteBuffer.wrap(sent.bytes()).getInt() != 0)
        .toList();
  }
}
