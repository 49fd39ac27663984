// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import dev.culvert.cli.command.ExitCode;
import dev.culvert.cli.command.GatewayParameter;
import dev.culvert.cli.command.OutputOption;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.SelfTest;
import dev.culvert.daemon.admin.Json;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert verify}. */
@Command(
    name = "verify",
    description = {
      "Sends a marked packet to each peer, and looks on the underlay that it never passes in clear.",
      "Status 5: one did. Status 1: one was not sealed at all."
    })
public final class VerifyCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private GatewayParameter gateway;

  @Mixin private OutputOption output;

  public VerifyCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    String name = gateway.running(machine);
    gateway.requireHere(machine);
    SelfTest.Report report = SelfTest.run(machine, name);
    PrintWriter out = spec.commandLine().getOut();
    if (output.json()) {
      out.println(Json.pretty(report));
    } else {
      print(out, report);
    }
    out.flush();
    if (report.inClear()) {
      return ExitCode.IN_CLEAR;
    }
    return report.allSealed() ? ExitCode.OK : ExitCode.FAILED;
  }

  private static void print(PrintWriter out, SelfTest.Report report) {
    Table table = new Table("PEER", "TARGET", "SEALED", "IN CLEAR");
    for (SelfTest.PeerReport peer : report.peers()) {
      table.row(peer.name(), peer.target(), peer.sealed() ? "yes" : "no", "" + peer.seenInClear());
    }
    table.print(out);
    out.printf(
        Locale.ROOT,
        "watched %s: %d frames; the control frame was seen%n",
        String.join(", ", report.devices()),
        report.frames());
  }
}
