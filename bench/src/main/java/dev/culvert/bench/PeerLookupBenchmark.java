// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.noise.HandshakePeer;
import dev.culvert.tunnel.noise.IndexTable;
import dev.culvert.tunnel.noise.Indexed;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.PeerUpdate;
import dev.culvert.tunnel.wireguard.WireGuardEngine;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/**
 * The look-ups of a WireGuard lane among plain peers with a /24 and a /64 each: the owner of an
 * inner address, and the session of a receiver index, of which each peer has three. All hit, at
 * random; the time is that of one.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class PeerLookupBenchmark {
  private static final int LOOKUPS = 1 << 16;
  private static final int SESSIONS = 3;
  private static final long HIGH = 0xfd00_0000_0000_0000L;

  @Param({"2", "5000"})
  private int peers;

  private final int[] addresses4 = new int[LOOKUPS];
  private final long[] highs = new long[LOOKUPS];
  private final long[] lows = new long[LOOKUPS];
  private final int[] indices = new int[LOOKUPS];
  private final IndexTable table = new IndexTable(new Random(1));
  private final WireGuardEngine engine =
      new WireGuardEngine(AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305), new SecureRandom());

  /** Stands for a session. */
  private record Entry(int localIndex) implements Indexed {
    @Override
    public HandshakePeer handshakePeer() {
      throw new UnsupportedOperationException();
    }
  }

  @Setup
  public void setUp() {
    Random random = new Random(1);
    List<PeerUpdate> updates = new ArrayList<>();
    List<Integer> taken = new ArrayList<>();
    for (int i = 0; i < peers; i++) {
      updates.add(peer(i, random));
      for (int session = 0; session < SESSIONS; session++) {
        Entry entry = new Entry(table.freeIndex());
        table.put(entry);
        taken.add(entry.localIndex());
      }
    }
    engine.apply(new DeviceUpdate(null, OptionalInt.empty(), OptionalInt.empty(), true, updates));
    for (int i = 0; i < LOOKUPS; i++) {
      int peer = random.nextInt(peers);
      addresses4[i] = address4(peer) | random.nextInt(256);
      highs[i] = HIGH | peer;
      lows[i] = random.nextLong();
      indices[i] = taken.get(random.nextInt(taken.size()));
    }
  }

  private static PeerUpdate peer(int number, Random random) {
    byte[] key = new byte[PublicKey.LENGTH];
    random.nextBytes(key);
    return new PeerUpdate(
        PublicKey.of(key),
        false,
        false,
        null,
        null,
        OptionalInt.empty(),
        true,
        List.of(
            new PeerUpdate.AllowedIpChange(new Prefix(IpAddress.ofV4(address4(number)), 24), false),
            new PeerUpdate.AllowedIpChange(
                new Prefix(IpAddress.ofV6(HIGH | number, 0), 64), false)));
  }

  private static int address4(int peer) {
    return 10 << 24 | peer << 8;
  }

  @TearDown
  public void tearDown() {
    engine.close();
  }

  @Benchmark
  @OperationsPerInvocation(LOOKUPS)
  public void allowedIp4(Blackhole blackhole) {
    for (int address : addresses4) {
      blackhole.consume(engine.route4(address));
    }
  }

  @Benchmark
  @OperationsPerInvocation(LOOKUPS)
  public void allowedIp6(Blackhole blackhole) {
    for (int i = 0; i < LOOKUPS; i++) {
      blackhole.consume(engine.route6(highs[i], lows[i]));
    }
  }

  @Benchmark
  @OperationsPerInvocation(LOOKUPS)
  public void receiverIndex(Blackhole blackhole) {
    for (int index : indices) {
      blackhole.consume(table.find(index));
    }
  }
}
