// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.cluster;

import dev.culvert.bench.figures.Figures;
import dev.culvert.bench.figures.Machine;
import dev.culvert.daemon.admin.Json;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.LabException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The program behind {@code bench/cluster-figures}, which gives it the checkout. */
@Command(
    name = "bench/cluster-figures",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    description = {
      "Measures Culvert's gateways in a cluster: a real etcd and API server, gateways as users run"
          + " them, and thousands of nodes that exist in the API alone, on three nodes in network"
          + " namespaces.",
      "Needs root. Nothing stays behind, whatever happens. All of it takes about ten minutes on two"
          + " idle cores, once the programs are built.%n"
    })
public final class ClusterFigures implements Callable<Integer> {
  private static final int HOUR = 3600;
  private static final List<String> PARTS = List.of("start", "changes", "roll", "mesh");

  @Option(names = "--checkout", hidden = true, required = true)
  private Path checkout;

  @Option(
      names = "--only",
      split = ",",
      paramLabel = "LIST",
      description = "Some of start, changes, roll and mesh.")
  private List<String> only = PARTS;

  @Option(
      names = "--nodes",
      paramLabel = "N",
      defaultValue = "5000",
      description = "Nodes of the large cluster (${DEFAULT-VALUE}).")
  private int nodes;

  @Option(
      names = "--changes",
      paramLabel = "N",
      defaultValue = "20",
      description = "Changes of one node, one after the other (${DEFAULT-VALUE}).")
  private int changes;

  @Option(
      names = "--sample",
      paramLabel = "SECONDS",
      defaultValue = "45",
      description =
          "How long nodes are rolled at the rate that rolls all in an hour (${DEFAULT-VALUE}).")
  private int sample;

  @Option(
      names = "--roll",
      paramLabel = "SECONDS",
      defaultValue = "100",
      description = "How long it takes to roll all nodes (${DEFAULT-VALUE}).")
  private int roll;

  @Option(
      names = "--joins",
      paramLabel = "N",
      defaultValue = "20",
      description = "Nodes that join the small mesh (${DEFAULT-VALUE}).")
  private int joins;

  @Option(names = "--json", paramLabel = "FILE", description = "Writes all figures and runs there.")
  private @Nullable Path json;

  @Spec private CommandSpec spec;

  private ClusterFigures() {}

  public static void main(String[] arguments) {
    System.exit(new CommandLine(new ClusterFigures()).execute(arguments));
  }

  @Override
  public Integer call() throws IOException {
    for (String part : only) {
      if (!PARTS.contains(part)) {
        throw new ParameterException(
            spec.commandLine(), part + ": not one of " + String.join(", ", PARTS));
      }
    }
    Figures figures = new Figures(System.err);
    try {
      requireOwnNamespace();
      if (!only.equals(List.of("mesh"))) {
        large(figures);
      }
      if (only.contains("mesh")) {
        small(figures);
      }
    } catch (LabException e) {
      System.err.println("cluster-figures: " + e.getMessage());
      return 1;
    }
    Map<String, Object> report = report(figures);
    System.out.println(figures.table());
    System.out.println(report.get("machine") + ", " + report.get("date"));
    if (json != null) {
      Files.writeString(json, Json.pretty(report) + "\n");
    }
    return 0;
  }

  /** This process joins the wire of the lab: it must not do so with the machine's own network. */
  private static void requireOwnNamespace() {
    // In a new namespace not even the loopback device is up.
    if (!Commands.run("ip", "-brief", "link", "show", "up").out().isBlank()) {
      throw new LabException("this program is to be started by bench/cluster-figures");
    }
  }

  private void large(Figures figures) {
    try (LabCluster cluster = new LabCluster(checkout);
        ServerApi api = cluster.connect()) {
      cluster.join(1, "node-b");
      cluster.join(2, "node-c");
      NodeWriter writer = new NodeWriter(api);
      FakeNodes fakes = new FakeNodes(writer, nodes);
      NodeGateway gateway = new LargeCluster(cluster, figures, fakes).start();
      if (!only.contains("changes") && !only.contains("roll")) {
        return;
      }
      cluster.start(2, "node-c", Map.of()).awaitSwap(nodes);
      NodeChanges of = new NodeChanges(cluster, figures, writer, fakes, gateway);
      of.connect();
      if (only.contains("changes")) {
        figures.section("%,d nodes: changes of one node".formatted(nodes));
        of.costsOfTheServer();
        of.oneByOne(changes);
        of.ranges();
      }
      if (only.contains("roll")) {
        double perSecond = (double) nodes / HOUR;
        of.rolled("rolled at the rate of an hour", (int) (perSecond * sample), perSecond);
        of.rolled(
            "rolled %.0f times as fast".formatted((double) HOUR / roll),
            nodes,
            (double) nodes / roll);
      }
    }
  }

  private void small(Figures figures) {
    try (LabCluster cluster = new LabCluster(checkout);
        ServerApi api = cluster.connect()) {
      SmallMesh mesh = new SmallMesh(cluster, figures, new NodeWriter(api));
      mesh.joins(joins);
      mesh.ranges(10);
      mesh.restarts(3);
    }
  }

  private static Map<String, Object> report(Figures figures) throws IOException {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("date", LocalDate.now(ZoneOffset.UTC).toString());
    report.put("machine", Machine.describe());
    report.put("figures", figures.all());
    return report;
  }
}
