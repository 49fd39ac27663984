// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.kubernetes;

import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeApi.ListQuery;
import dev.culvert.cluster.kube.KubeApi.Page;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.lift.LiftPatch;
import dev.culvert.cluster.registrar.RegistrarConfig;
import dev.culvert.cluster.resource.DaemonPod;
import dev.culvert.cluster.resource.DaemonSet;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.config.GatewayConfig;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code culvert nodes down}. */
@Command(
    name = "down",
    description = {
      "Ends the gateways of all nodes and lifts their guard: the cluster's traffic leaves in clear.",
      "Changes the DaemonSets so that their pods run 'culvert down', and waits for them. Delete the"
          + " DaemonSets afterwards: until then, their pods do nothing. A DaemonSet that is deleted"
          + " without this leaves the guard on every node."
    })
public final class NodesDownCommand implements Callable<Integer> {
  private static final ResourceKind<DaemonSet> SETS =
      ResourceKind.daemonSets(RegistrarConfig.NAMESPACE);
  private static final ResourceKind<DaemonPod> PODS =
      ResourceKind.daemonPods(RegistrarConfig.NAMESPACE);
  private static final int PAGE = 500;
  private static final long STEP_MILLIS = 500;

  private final Machine machine;

  @Spec private CommandSpec spec;

  @Parameters(
      arity = "0..*",
      paramLabel = "DAEMONSET",
      defaultValue = "culvert",
      description = "Those of the gateways, in the namespace culvert (default: ${DEFAULT-VALUE}).")
  private List<String> names;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "240",
      description = "How long to wait for the nodes (default: ${DEFAULT-VALUE}).")
  private int timeoutSeconds;

  @Mixin private ServerOptions server;

  public NodesDownCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    try (KubeApi api = machine.cluster().open(server.access())) {
      for (String name : names) {
        api.patch(SETS, name, null, patch(api.get(SETS, name)));
      }
      int nodes = await(api);
      PrintWriter out = spec.commandLine().getOut();
      out.println(
          "the guard is lifted on all nodes ("
              + nodes
              + "): traffic between them leaves in clear. Delete the DaemonSets now");
      out.flush();
    }
    return ExitCode.OK;
  }

  private static byte[] patch(DaemonSet gateways) throws CommandException {
    try {
      return LiftPatch.of(gateways, GatewayConfig.DEFAULT_INTERFACE);
    } catch (IllegalArgumentException e) {
      throw new CommandException(ExitCode.FAILED, String.valueOf(e.getMessage()));
    }
  }

  /**
   * Waits until the guard is lifted everywhere. The API may be away meanwhile.
   *
   * @return the number of nodes
   */
  private int await(KubeApi api) throws KubeException, CommandException, InterruptedException {
    long deadline = System.nanoTime() + Duration.ofSeconds(timeoutSeconds).toNanos();
    while (true) {
      boolean late = System.nanoTime() - deadline >= 0;
      try {
        int nodes = 0;
        boolean done = true;
        for (String name : names) {
          DaemonSet gateways = api.get(SETS, name);
          nodes += gateways.nodes();
          done &= gateways.isRolledOut();
        }
        if (done) {
          return nodes;
        }
        if (late) {
          throw new CommandException(ExitCode.FAILED, unlifted(api));
        }
      } catch (KubeException e) {
        if (late) {
          throw e;
        }
      }
      Thread.sleep(STEP_MILLIS);
    }
  }

  private String unlifted(KubeApi api) throws KubeException {
    SortedSet<String> nodes = new TreeSet<>();
    @Nullable String next = null;
    do {
      Page<DaemonPod> page = api.list(PODS, new ListQuery(null, PAGE, next, null));
      page.items().stream()
          .filter(pod -> names.stream().anyMatch(pod::isOf))
          .filter(pod -> !pod.isReadyAfter(LiftPatch.CONTAINER))
          .forEach(pod -> nodes.add(pod.node().isEmpty() ? "(none yet)" : pod.node()));
      next = page.next();
    } while (next != null);
    return "after "
        + timeoutSeconds
        + " s the guard may still stand on: "
        + (nodes.isEmpty() ? "nodes without a pod" : String.join(", ", nodes))
        + ". All other nodes send in clear. Run this again when these nodes are back, or restart"
        + " them (a guard does not outlive a boot), or remove the guard by hand:"
        + " docs/operations.md, Back out";
  }
}
