// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.ClusterNode;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.IpProtocol;
import dev.culvert.routing.Policy;
import dev.culvert.routing.Prefix;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
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
 * The verdict of one packet from a pod here to a random pod anywhere, of a cluster of up to 5,000
 * nodes whose pod ranges lie all over 10.0.0.0/8 or one /48. A rebuild follows a change of one
 * node: the map with its conflicts looked for, and the classifier.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class ClassifierBenchmark {
  private static final int LOOKUPS = 1 << 16;
  private static final int MAX_NODES = 5000;

  @Param({"10", "1000", "100000"})
  private int prefixes;

  @Param({"true", "false"})
  private boolean v4;

  private final int[] destinations4 = new int[LOOKUPS];
  private final long[] highs = new long[LOOKUPS];
  private final long[] lows = new long[LOOKUPS];
  private IpAddress source = IpAddress.ofV4(0);
  private ClusterMap map = ClusterMap.of(List.of(), List.of());
  private Classifier classifier = classifierOf(map.with(node(0, List.of())));

  @Setup
  public void setUp() {
    Random random = new Random(1);
    Set<Prefix> ranges = new LinkedHashSet<>();
    while (ranges.size() < prefixes) {
      ranges.add(podRange(random));
    }
    List<Prefix> all = List.copyOf(ranges);
    int count = Math.min(prefixes / 2, MAX_NODES);
    List<List<Prefix>> shares = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      shares.add(new ArrayList<>());
    }
    for (int i = 0; i < prefixes; i++) {
      shares.get(i % count).add(all.get(i));
    }
    List<ClusterNode> nodes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      nodes.add(node(i, shares.get(i)));
    }
    map = ClusterMap.of(nodes, List.of(Prefix.parse(v4 ? "10.0.0.0/8" : "fd00:10:244::/48")));
    classifier = classifierOf(map);
    source = all.getFirst().address();
    for (int i = 0; i < LOOKUPS; i++) {
      IpAddress range = all.get(random.nextInt(prefixes)).address();
      destinations4[i] = (int) range.low() | random.nextInt(64);
      highs[i] = range.high();
      lows[i] = range.low() | random.nextInt();
    }
  }

  private static ClusterNode node(int i, List<Prefix> ranges) {
    IpAddress address = IpAddress.ofV4(0xc0a8_0000 + i);
    return new ClusterNode(
        "node-" + i, Set.of("worker"), Map.of(), List.of(address), List.of(), ranges, "key-" + i);
  }

  private static Classifier classifierOf(ClusterMap map) {
    return Classifier.of(map, Policy.STRICT, "node-0");
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
  public void classify(Blackhole blackhole) {
    for (int i = 0; i < LOOKUPS; i++) {
      blackhole.consume(
          v4
              ? classifier.classify4(
                  (int) source.low(), destinations4[i], IpProtocol.TCP, 40000, 443)
              : classifier.classify6(
                  source.high(), source.low(), highs[i], lows[i], IpProtocol.TCP, 40000, 443));
    }
  }

  @Benchmark
  public Classifier rebuild() {
    return classifierOf(map.with(map.nodes().getLast()));
  }
}
