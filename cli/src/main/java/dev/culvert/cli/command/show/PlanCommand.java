// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import dev.culvert.cli.command.ExitCode;
import dev.culvert.cli.command.OutputOption;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.Json;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.daemon.steer.GatewayPlan;
import dev.culvert.routing.TrafficClass;
import dev.culvert.routing.plan.GuardText;
import dev.culvert.routing.plan.KernelPlan;
import dev.culvert.routing.plan.PlanText;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code culvert plan}. */
@Command(
    name = "plan",
    description = "Prints the ip and nft commands of 'culvert up FILE', and changes nothing.")
public final class PlanCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "FILE", description = "The configuration.")
  private Path file;

  @Mixin private OutputOption output;

  public PlanCommand(Machine machine) {
    this.machine = machine;
  }

  /** The plan in JSON, in words that programs can compare. */
  private record PlanView(
      List<String> notes, List<String> rules, List<String> routes, String guard) {}

  @Override
  public Integer call() throws Exception {
    GatewayConfig config = machine.read(ConfigFile.open(file));
    List<String> notes = notes(config);
    KernelPlan plan = GatewayPlan.of(config, machine.network()).kernel();
    PrintWriter out = spec.commandLine().getOut();
    if (output.json()) {
      out.println(
          Json.pretty(
              new PlanView(
                  notes,
                  plan.rules().stream().map(PlanText::of).toList(),
                  plan.routes().stream().map(PlanText::of).toList(),
                  GuardText.of(plan.guard()))));
    } else {
      notes.forEach(note -> out.println("# " + note));
      out.print(PlanText.of(plan));
    }
    out.flush();
    return ExitCode.OK;
  }

  /** The file's warnings, and the classes that it leaves in clear. */
  private static List<String> notes(GatewayConfig config) {
    List<String> notes = new ArrayList<>(config.warnings());
    for (TrafficClass traffic : config.cluster().policy().inClear()) {
      notes.add(traffic + " traffic is not encrypted: it leaves in clear (spec.encrypt)");
    }
    return notes;
  }
}
