// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import dev.culvert.cli.command.ExitCode;
import dev.culvert.cli.command.OutputOption;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.Json;
import java.io.PrintWriter;
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
    description = "Checks this machine for faults and slow parts that a gateway would meet.")
public final class DoctorCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private OutputOption output;

  public DoctorCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() {
    List<Finding> findings = new MachineChecks(machine).all();
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
