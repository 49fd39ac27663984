// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import dev.culvert.cli.command.ApiOptions;
import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.cli.command.OutputOption;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.Json;
import dev.culvert.daemon.config.ConfigException;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert doctor}. */
@Command(
    name = "doctor",
    description = {
      "Checks this machine for faults and slow parts that a gateway would meet.",
      "If a gateway here follows the Kubernetes API, or with --kubeconfig, the cluster too."
    })
public final class DoctorCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private ApiOptions api;

  @Mixin private OutputOption output;

  public DoctorCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws CommandException {
    List<Finding> findings = new ArrayList<>(new MachineChecks(machine).all());
    findings.addAll(cluster());
    PrintWriter out = spec.commandLine().getOut();
    if (output.json()) {
      out.println(Json.pretty(findings));
    } else {
      findings.forEach(finding -> print(out, finding));
    }
    out.flush();
    boolean failed = findings.stream().anyMatch(f -> f.verdict() == Finding.Verdict.FAIL);
    return failed ? ExitCode.FAILED : ExitCode.OK;
  }

  /** The checks of the cluster, if this is about one. */
  private List<Finding> cluster() throws CommandException {
    try {
      GatewayView gateway = ApiOptions.gateway(machine);
      if (!api.isWanted(gateway)) {
        return List.of();
      }
      try (KubeApi opened = api.open(machine, gateway)) {
        return new ClusterChecks(opened, ApiOptions.node(gateway)).all();
      }
    } catch (IOException | ConfigException e) {
      return List.of(ClusterChecks.away(e));
    }
  }

  private static void print(PrintWriter out, Finding finding) {
    out.printf(
        Locale.ROOT,
        "%-4s  %-14s %s%n",
        finding.verdict().name().toLowerCase(Locale.ROOT),
        finding.subject(),
        finding.found());
    if (!finding.advice().isEmpty()) {
      out.printf(Locale.ROOT, "      %-14s -> %s%n", "", finding.advice());
    }
  }
}
