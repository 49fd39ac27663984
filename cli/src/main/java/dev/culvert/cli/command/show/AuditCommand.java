// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import dev.culvert.cli.command.ExitCode;
import dev.culvert.cli.command.GatewayParameter;
import dev.culvert.cli.command.OutputOption;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminMessage;
import dev.culvert.daemon.admin.AuditView;
import dev.culvert.daemon.admin.Json;
import dev.culvert.daemon.steer.Audit;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert audit}. */
@Command(
    name = "audit",
    description = {
      "Shows how many packets between nodes were encrypted, exempt, dropped or in clear.",
      "Works as well when the gateway died: the guard goes on counting. Status 5: some were in"
          + " clear."
    })
public final class AuditCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private GatewayParameter gateway;

  @Mixin private OutputOption output;

  public AuditCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    AuditView audit = audit();
    PrintWriter out = spec.commandLine().getOut();
    if (output.json()) {
      out.println(Json.pretty(audit));
    } else {
      print(out, audit);
    }
    out.flush();
    return audit.clear() > 0 ? ExitCode.IN_CLEAR : ExitCode.OK;
  }

  private AuditView audit() throws Exception {
    String name = gateway.name();
    if (machine.adminClient().isRunning(name)) {
      AuditView running = machine.adminClient().call(name, AdminMessage.Command.AUDIT).audit();
      if (running != null) {
        return running;
      }
    }
    gateway.requireHere(machine);
    return Audit.of(gateway.configuration(machine), machine.network());
  }

  private static void print(PrintWriter out, AuditView audit) {
    Table table = new Table("TRAFFIC", "ENCRYPTED", "EXEMPT", "DROPPED", "CLEAR");
    for (AuditView.Row row : audit.rows()) {
      table.row(
          row.traffic(),
          "" + row.encrypted(),
          "" + row.exempt(),
          "" + row.dropped(),
          "" + row.clear());
    }
    table.print(out);
    audit.blindSpots().forEach(spot -> out.println("not seen: " + spot));
    if (!audit.guarded()) {
      out.println("there is no guard here, so packets that left in clear were not counted");
    }
  }
}
