// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.NonceLayout;
import dev.culvert.crypto.PacketRun;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.TrainCipher;
import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Sealing, and sealing then opening, a whole train. The time is a train's: divide by {@code
 * packets}. Opening needs something sealed, and counters never repeat, so the cost of opening is
 * the difference of the two.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 1)
public class AeadBenchmark {
  private static final int HEADER = 16;

  /** An algorithm and a backend that has it. */
  @Param({
    "CHACHA20_POLY1305/javax",
    "CHACHA20_POLY1305/vector",
    "CHACHA20_POLY1305/bouncycastle",
    "AES_GCM/javax",
    "AES_GCM/intrinsic",
    "AES_GCM/bouncycastle"
  })
  private String cipherName = "";

  @Param({"64", "1420"})
  private int length;

  @Param({"1", "46"})
  private int packets;

  private final PacketRun run = new PacketRun();
  private Arena arena = Arena.ofShared();
  private AeadKey key = newKey(AeadAlgorithm.CHACHA20_POLY1305);
  private TrainCipher cipher =
      AeadBackends.all().getFirst().newTrainCipher(AeadAlgorithm.CHACHA20_POLY1305);
  private long counter;

  @Setup(Level.Trial)
  public void setUp() {
    int slash = cipherName.indexOf('/');
    AeadAlgorithm chosen = AeadAlgorithm.valueOf(cipherName.substring(0, slash));
    String backend = cipherName.substring(slash + 1);
    key = newKey(chosen);
    cipher = Backends.warm(chosen, backend).newTrainCipher(chosen);
    int stride = HEADER + length + TrainCipher.TAG_LENGTH;
    run.at(arena.allocate((long) packets * stride, 64), HEADER, stride).of(packets, length, length);
  }

  private static AeadKey newKey(AeadAlgorithm algorithm) {
    return new AeadKey(
        algorithm, SecretBytes.owning(new byte[32]), NonceLayout.LITTLE_ENDIAN_COUNTER, 0);
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    key.close();
    arena.close();
    arena = Arena.ofShared();
  }

  @Benchmark
  public long seal() {
    cipher.seal(key, run.counting(counter));
    return counter += packets;
  }

  @Benchmark
  public long sealAndOpen() {
    cipher.seal(key, run.counting(counter));
    counter += packets;
    long opened = cipher.open(key, run);
    if (opened != run.allPackets()) {
      throw new IllegalStateException("a packet did not open");
    }
    return opened;
  }
}
