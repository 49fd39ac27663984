// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench;

import dev.culvert.crypto.ReplayWindow;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The replay window's test-and-set, after authentication. The time is a packet's. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class ReplayWindowBenchmark {
  private static final int PACKETS = 1024;

  private final ReplayWindow window = new ReplayWindow(Long.MAX_VALUE);

  /** Each number below {@link #PACKETS} once, in no order: a packet overtakes up to 1023 others. */
  private final int[] reordered = shuffled();

  /** Has seen every number below {@link #PACKETS}. */
  private final ReplayWindow full = new ReplayWindow(Long.MAX_VALUE);

  private long next;

  @Setup
  public void setUp() {
    for (int i = 0; i < PACKETS; i++) {
      full.accept(i);
    }
  }

  private static int[] shuffled() {
    Random random = new Random(1);
    int[] numbers = new int[PACKETS];
    for (int i = 0; i < PACKETS; i++) {
      int j = random.nextInt(i + 1);
      numbers[i] = numbers[j];
      numbers[j] = i;
    }
    return numbers;
  }

  private static void check(int accepted, int expected) {
    if (accepted != expected) {
      throw new IllegalStateException(accepted + " packets accepted, not " + expected);
    }
  }

  @Benchmark
  @OperationsPerInvocation(PACKETS)
  public void inOrder() {
    int accepted = 0;
    for (int i = 0; i < PACKETS; i++) {
      accepted += window.accept(next + i) ? 1 : 0;
    }
    check(accepted, PACKETS);
    next += PACKETS;
  }

  @Benchmark
  @OperationsPerInvocation(PACKETS)
  public void inRandomOrder() {
    int accepted = 0;
    for (int number : reordered) {
      accepted += window.accept(next + number) ? 1 : 0;
    }
    check(accepted, PACKETS);
    next += PACKETS;
  }

  /** Counters that were all seen: each is refused. */
  @Benchmark
  @OperationsPerInvocation(PACKETS)
  public void replayed() {
    int accepted = 0;
    for (int number : reordered) {
      accepted += full.accept(number) ? 1 : 0;
    }
    check(accepted, 0);
  }
}
