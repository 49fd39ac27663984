// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench;

import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.PrefixTable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/**
 * Whose address it is, of a cluster's pod ranges: /26 all over 10.0.0.0/8, or /80 all over one /48,
 * spread over up to 5,000 nodes. Look-ups hit, at random addresses; the time is that of one. A
 * rebuild is the whole table again, as after each change.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class PrefixTableBenchmark {
  private static final int LOOKUPS = 1 << 16;
  private static final int MAX_NODES = 5000;

  @Param({"10", "1000", "100000"})
  private int prefixes;

  @Param({"true", "false"})
  private boolean v4;

  private final Map<Prefix, Integer> owners = new HashMap<>();
  private final int[] addresses4 = new int[LOOKUPS];
  private final long[] highs = new long[LOOKUPS];
  private final long[] lows = new long[LOOKUPS];
  private PrefixTable<Integer> table = PrefixTable.empty();

  @Setup
  public void setUp() {
    Random random = new Random(1);
    List<Integer> nodes = new ArrayList<>();
    for (int i = 0; i < Math.min(prefixes, MAX_NODES); i++) {
      nodes.add(i);
    }
    while (owners.size() < prefixes) {
      owners.put(podRange(random), nodes.get(owners.size() % nodes.size()));
    }
    table = PrefixTable.of(owners);
    List<Prefix> ranges = List.copyOf(owners.keySet());
    for (int i = 0; i < LOOKUPS; i++) {
      IpAddress range = ranges.get(random.nextInt(prefixes)).address();
      addresses4[i] = (int) range.low() | random.nextInt(64);
      highs[i] = range.high();
      lows[i] = range.low() | random.nextInt();
    }
  }

  private Prefix podRange(Random random) {
    return v4
        ? new Prefix(IpAddress.ofV4(10 << 24 | random.nextInt(1 << 24)), 26)
        : new Prefix(
            IpAddress.ofV6(0xfd00_0010_0244_0000L | random.nextInt(1 << 16), random.nextLong()),
            80);
  }

  @Benchmark
  @OperationsPerInvocation(LOOKUPS)
  public void lookup(Blackhole blackhole) {
    for (int i = 0; i < LOOKUPS; i++) {
      blackhole.consume(v4 ? table.lookup4(addresses4[i]) : table.lookup6(highs[i], lows[i]));
    }
  }

  @Benchmark
  public PrefixTable<Integer> rebuild() {
    return PrefixTable.of(owners);
  }
}
