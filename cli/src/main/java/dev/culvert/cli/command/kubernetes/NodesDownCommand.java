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
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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

  /** Asking again would change nothing. */
  private static final Set<Integer> REFUSALS =
      Set.of(
          KubeException.UNAUTHORIZED,
          KubeException.FORBIDDEN,
          KubeException.NOT_FOUND,
          KubeException.INVALID);

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
    long deadline = System.nanoTime() + Duration.ofSeconds(timeoutSeconds).toNanos();
    try (KubeApi api = machine.cluster().open(server.access())) {
      Map<String, LiftPatch> lifts = new LinkedHashMap<>();
      for (String name : names) {
        lifts.put(name, patch(insist(deadline, () -> api.get(SETS, name))));
      }
      change(api, lifts, deadline);
      int nodes = await(api, lifts, deadline);
      PrintWriter out = spec.commandLine().getOut();
      out.println(
          "the guard is lifted on all nodes ("
              + nodes
              + "): traffic between them leaves in clear. Delete the DaemonSets now");
      out.flush();
    }
    return ExitCode.OK;
  }

  private static LiftPatch patch(DaemonSet gateways) throws CommandException {
    try {
      return LiftPatch.of(gateways, GatewayConfig.DEFAULT_INTERFACE);
    } catch (IllegalArgumentException e) {
      throw new CommandException(ExitCode.FAILED, String.valueOf(e.getMessage()));
    }
  }

  private static void change(KubeApi api, Map<String, LiftPatch> lifts, long deadline)
      throws KubeException, CommandException, InterruptedException {
    List<String> changed = new ArrayList<>();
    for (Map.Entry<String, LiftPatch> lift : lifts.entrySet()) {
      String name = lift.getKey();
      byte[] json = lift.getValue().json();
      try {
        insist(deadline, () -> api.patch(SETS, name, null, json));
      } catch (KubeException e) {
        if (changed.isEmpty()) {
          throw e;
        }
        throw new CommandException(
            ExitCode.FAILED,
            "the guard is being lifted on the nodes of "
                + String.join(", ", changed)
                + " and stays on those of "
                + name
                + ", which could not be changed: "
                + e.getMessage()
                + ". Run this again");
      }
      changed.add(name);
    }
  }

  private interface Request<T> {
    T send() throws KubeException;
  }

  /** The API may be away meanwhile, or busy. */
  private static <T> T insist(long deadline, Request<T> request)
      throws KubeException, InterruptedException {
    while (true) {
      try {
        return request.send();
      } catch (KubeException e) {
        if (REFUSALS.contains(e.code()) || System.nanoTime() - deadline >= 0) {
          throw e;
        }
      }
      Thread.sleep(STEP_MILLIS);
    }
  }

  /**
   * Waits until the guard is lifted everywhere. The API may be away meanwhile.
   *
   * @return the number of nodes
   */
  private int await(KubeApi api, Map<String, LiftPatch> lifts, long deadline)
      throws KubeException, CommandException, InterruptedException {
    while (true) {
      boolean late = System.nanoTime() - deadline >= 0;
      try {
        int nodes = 0;
        boolean done = true;
        for (String name : lifts.keySet()) {
          DaemonSet gateways = api.get(SETS, name);
          nodes += gateways.nodes();
          done &= gateways.isRolledOut();
        }
        // A set does not count nodes that it no longer selects, and their gateways still end.
        SortedSet<String> unlifted =
            done || late ? unlifted(api, lifts) : Collections.emptySortedSet();
        if (done && unlifted.isEmpty()) {
          return nodes;
        }
        if (late) {
          throw new CommandException(ExitCode.FAILED, late(unlifted));
        }
      } catch (KubeException e) {
        if (late) {
          throw e;
        }
      }
      Thread.sleep(STEP_MILLIS);
    }
  }

  /** The nodes with a pod that has not lifted the guard. */
  private static SortedSet<String> unlifted(KubeApi api, Map<String, LiftPatch> lifts)
      throws KubeException {
    SortedSet<String> nodes = new TreeSet<>();
    @Nullable String next = null;
    do {
      Page<DaemonPod> page = api.list(PODS, new ListQuery(null, PAGE, next, null));
      for (DaemonPod pod : page.items()) {
        boolean unlifted =
            lifts.entrySet().stream()
                .anyMatch(
                    lift -> pod.isOf(lift.getKey()) && !pod.isReadyWith(lift.getValue().args()));
        if (unlifted) {
          nodes.add(pod.node().isEmpty() ? "(none yet)" : pod.node());
        }
      }
      next = page.next();
    } while (next != null);
    return nodes;
  }

  private String late(SortedSet<String> nodes) {
    return "after "
        + timeoutSeconds
        + " s the guard may still stand on: "
        + (nodes.isEmpty() ? "nodes without a pod" : String.join(", ", nodes))
        + ". All other nodes send in clear. Run this again when these nodes are back, or restart"
        + " them (a guard does not outlive a boot), or remove the guard by hand:"
        + " docs/operations.md, Back out";
  }
}
