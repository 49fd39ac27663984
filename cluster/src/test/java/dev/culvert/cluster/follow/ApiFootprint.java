// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import com.sun.management.OperatingSystemMXBean;
import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.cluster.Snapshots;
import dev.culvert.cluster.fake.Samples;
import dev.culvert.cluster.kube.ApiAccess;
import dev.culvert.cluster.kube.BareApi;
import dev.culvert.cluster.kube.Fabric8Api;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeJson;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.state.ClusterState;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;

/**
 * The process that {@link ApiFootprintTest} measures: follows a cluster and says time and memory.
 */
final class ApiFootprint {
  static final int NODES = 5000;

  private ApiFootprint() {}

  public static void main(String[] arguments) throws Exception {
    long main = System.nanoTime();
    URI server = URI.create(arguments[1]);
    Path ca = Path.of(arguments[2]);
    Path token = Path.of(arguments[3]);
    KubeApi api =
        arguments[0].equals("bare")
            ? new BareApi(server, ca, token)
            : new Fabric8Api(ApiAccess.withToken(List.of(server), ca, token));
    CountDownLatch synced = new CountDownLatch(1);
    AtomicReference<ClusterState> kept = new AtomicReference<>();
    ClusterFollower follower = new ClusterFollower(api, FollowLimits.DEFAULT, null, kept::set);
    follower.start(
        (ClusterSnapshot snapshot) -> {
          if (snapshot.members().size() == NODES) {
            synced.countDown();
          }
        });
    synced.await();
    long millis = (System.nanoTime() - main) / 1_000_000;
    OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    long processor = system.getProcessCpuTime() / 1_000_000;
    int classes = ManagementFactory.getClassLoadingMXBean().getLoadedClassCount();
    Thread.sleep(2000);
    System.gc();
    Thread.sleep(500);
    long heap = Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    String memory = "RSS %d MiB, peak %d MiB".formatted(status("VmRSS"), status("VmHWM"));
    String costs = arguments[0].equals("bare") ? "" : costs(Objects.requireNonNull(kept.get()));
    System.out.printf(
        "%-10s synced %d ms after main, processor %d ms, %s, heap %d MiB, %d classes%s%n",
        arguments[0], millis, processor, memory, heap >> 20, classes, costs);
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  private static long status(String field) throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith(field + ":")) {
        return Long.parseLong(line.replaceAll("\\D+", "")) / 1024;
      }
    }
    throw new AssertionError(field);
  }

  /** The cost of a change at this size, once the code is warm. */
  private static String costs(ClusterState state) {
    List<CulvertNode> nodes = IntStream.range(0, NODES).mapToObj(Samples::node).toList();
    double snapshot = median(() -> Snapshots.of(nodes, List.of(), List.of()));
    double json = median(() -> KubeJson.MAPPER.writeValueAsBytes(state));
    int size = KubeJson.MAPPER.writeValueAsBytes(state).length;
    return ", snapshot %.1f ms, state %.1f ms and %.1f MB".formatted(snapshot, json, size / 1e6);
  }

  private static double median(Runnable action) {
    double[] millis = new double[40];
    for (int i = 0; i < millis.length; i++) {
      long from = System.nanoTime();
      action.run();
      millis[i] = (System.nanoTime() - from) / 1e6;
    }
    double[] warm = Arrays.copyOfRange(millis, 20, 40);
    Arrays.sort(warm);
    return warm[10];
  }
}
