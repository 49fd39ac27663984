// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab;

import dev.culvert.daemon.admin.Json;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.LabException;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import java.io.Console;
import java.io.File;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code culvert lab}. */
@Command(
    name = "lab",
    description = {
      "Shows the gateway at work on this machine, in network namespaces of its own.",
      "Two nodes with a pod each; TCP and ping between the pods; and a capture of the wire between"
          + " the nodes that looks for a known marker: seen without the tunnel, never through it."
          + " Leaves nothing behind."
    })
public final class LabCommand implements Callable<Integer> {
  private static final Map<String, String> TOOLS =
      Map.of(
          "ip",
          "iproute2",
          "tcpdump",
          "tcpdump",
          "ping",
          "iputils-ping",
          "sysctl",
          "procps",
          "nft",
          "nftables");

  /** The environment variable of the launcher with the folder of the checkout. */
  private static final String CHECKOUT = "CULVERT_CHECKOUT";

  private final Class<?> main;

  private enum Format {
    TABLE,
    JSON
  }

  @Option(
      names = "--duration",
      paramLabel = "SECONDS",
      defaultValue = "10",
      description = "How long traffic flows through the tunnel (default: ${DEFAULT-VALUE}).")
  private int seconds;

  @Option(
      names = "--engine",
      paramLabel = "ENGINE",
      defaultValue = "wireguard",
      description = "wireguard, esp, or noise: ESP keyed by it (default: ${DEFAULT-VALUE}).")
  private LabEngine engine;

  @Option(
      names = "--nodes",
      paramLabel = "N",
      defaultValue = "2",
      description =
          "2, or 3: a control plane and two workers, and a menu of faults (default:"
              + " ${DEFAULT-VALUE}).")
  private int nodes;

  @Option(
      names = "--kubernetes",
      description =
          "Three nodes that find each other through the API of a real Kubernetes control plane, an"
              + " exemption that is applied live, and faults. Takes a checkout of the project.")
  private boolean kubernetes;

  @Option(
      names = "--keep",
      description = "Leaves the lab running for exploration, and says how to enter it.")
  private boolean keep;

  @Option(
      names = "--clean",
      description = "Removes labs whose command has ended, and does nothing else.")
  private boolean clean;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      defaultValue = "table",
      description = "table (for people) or json (for programs).")
  private Format format;

  @Spec private CommandSpec spec;

  /**
   * @param main starts the gateways of the lab
   */
  public LabCommand(Class<?> main) {
    this.main = main;
  }

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    if (seconds < 1 || seconds > 3600) {
      throw new ParameterException(spec.commandLine(), "--duration is 1 to 3600 seconds");
    }
    if (nodes != 2 && nodes != 3) {
      throw new ParameterException(spec.commandLine(), "--nodes is 2 or 3");
    }
    if (kubernetes && keep) {
      throw new ParameterException(spec.commandLine(), "--keep is not for --kubernetes");
    }
    try {
      checkMachine();
      if (clean) {
        out.println(clean(err) + " labs removed");
        out.flush();
        return 0;
      }
      boolean json = format == Format.JSON;
      LabView view = new LabView(json ? err : out, isTerminal());
      LabReport report =
          kubernetes ? runKubernetes(view) : nodes == 3 ? runCluster(view) : run(view);
      if (json) {
        out.println(Json.pretty(report));
        out.flush();
      }
      return report.held() ? 0 : 1;
    } catch (LabException e) {
      err.println("culvert lab: " + e.getMessage());
      err.flush();
      return 1;
    }
  }

  @SuppressWarnings("SystemConsoleNull") // It is null without a terminal: JDK 25 is as JDK 21 was.
  private static boolean isTerminal() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }

  private static void checkMachine() {
    if (!"root".equals(System.getProperty("user.name"))) {
      throw new LabException("network namespaces need root; run it with sudo");
    }
    List<String> missing =
        TOOLS.entrySet().stream()
            .filter(tool -> Commands.find(tool.getKey()).isEmpty())
            .map(Map.Entry::getValue)
            .sorted()
            .toList();
    if (!missing.isEmpty()) {
      throw new LabException("please install: apt-get install " + String.join(" ", missing));
    }
    if (!Files.exists(Path.of("/dev/net/tun"))) {
      throw new LabException("no /dev/net/tun: this kernel or container has no TUN devices");
    }
  }

  private LabReport run(LabView view) {
    long id = ProcessHandle.current().pid();
    try (LabNetwork network = LabNetwork.create(id)) {
      Path folder = LabFiles.createFolder(id);
      LabRun run = new LabRun(network, folder, self(), engine, Duration.ofSeconds(seconds), view);
      run.run();
      if (keep) {
        network.namespaces.keep();
        tellHowToEnter(network, folder, view);
      } else {
        run.withADeadGateway();
      }
      LabReport report = run.report();
      view.summary(report);
      return report;
    }
  }

  private LabReport runCluster(LabView view) {
    long id = ProcessHandle.current().pid();
    try (LabNetwork network = LabNetwork.create(id, nodes)) {
      Path folder = LabFiles.createFolder(id);
      LabClusterRun run = new LabClusterRun(network, folder, self(), engine, view);
      run.run();
      if (keep) {
        network.namespaces.keep();
        tellHowToEnter(network, folder, view);
      } else {
        run.faults();
      }
      return run.report();
    }
  }

  private LabReport runKubernetes(LabView view) {
    String checkout = System.getenv(CHECKOUT);
    if (checkout == null) {
      throw new LabException("--kubernetes takes a checkout of the project: start it by ./culvert");
    }
    long id = ProcessHandle.current().pid();
    try (LabNetwork network = LabNetwork.create(id, 3)) {
      Path folder = LabFiles.createFolder(id);
      view.phase("Kubernetes: etcd and an API server on node-a, a Node for each node");
      try (LabKubernetes cluster = new LabKubernetes(network, folder, Path.of(checkout))) {
        LabKubernetesRun run = new LabKubernetesRun(network, folder, self(), engine, cluster, view);
        run.run();
        run.faults();
        return run.report();
      }
    }
  }

  /** The command that runs this program again, on the same JVM with the same options. */
  private List<String> self() {
    List<String> self = new ArrayList<>();
    self.add(System.getProperty("java.home") + "/bin/java");
    self.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    String classPath = System.getProperty("java.class.path");
    if (classPath.endsWith(".jar") && classPath.indexOf(File.pathSeparatorChar) < 0) {
      self.addAll(List.of("-jar", classPath)); // as the launcher does: its manifest says the rest
    } else {
      self.addAll(List.of("-cp", classPath, main.getName()));
    }
    return self;
  }

  private static void tellHowToEnter(LabNetwork network, Path folder, LabView view) {
    List<String> lines = new ArrayList<>();
    lines.add("");
    lines.add("The lab is left running. Enter it with:");
    for (LabSite site : network.sites()) {
      lines.add("  ip netns exec " + site.pod().name() + " bash       # " + site.podName());
      lines.add("  ip netns exec " + site.node().name() + " bash      # " + site.nodeName());
      lines.add("  ./culvert status " + site.interfaceName());
    }
    lines.add("  ip netns exec " + network.wire.name() + " tcpdump -ni " + LabNetwork.BRIDGE);
    lines.add("Configurations are in " + folder + ". Remove it all: ./culvert lab --clean");
    lines.forEach(view::println);
  }

  /** Removes the labs whose process is known to have ended, and counts them. */
  private static int clean(PrintWriter err) {
    Map<Long, List<Namespace>> labs =
        Namespaces.existing(LabNetwork.PREFIX).stream()
            .collect(Collectors.groupingBy(LabCommand::labOf));
    int removed = 0;
    for (Map.Entry<Long, List<Namespace>> lab : labs.entrySet()) {
      Optional<LabOwner> owner = LabFiles.owner(lab.getKey());
      if (owner.isEmpty()) {
        err.println("left: lab " + lab.getKey() + ", since nothing says whose it is");
      } else if (!owner.get().isAlive()) {
        Namespaces.remove(lab.getValue());
        LabFiles.remove(lab.getKey());
        removed++;
      }
    }
    err.flush();
    return removed;
  }

  private static long labOf(Namespace namespace) {
    String id = namespace.name().substring(LabNetwork.PREFIX.length()).split("-", 2)[0];
    try {
      return Long.parseLong(id);
    } catch (NumberFormatException e) {
      throw new LabException(namespace.name() + " is not a lab's, but is named as if", e);
    }
  }
}
