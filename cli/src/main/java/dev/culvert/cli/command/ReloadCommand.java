// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminMessage;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.NameView;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert reload}. */
@Command(
    name = "reload",
    description = {
      "Makes a running gateway read its file again.",
      "Peers that stay keep their sessions; a file that is refused changes nothing."
    })
public final class ReloadCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private GatewayParameter gateway;

  public ReloadCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    String name = gateway.running(machine);
    GatewayView now;
    try {
      now = machine.adminClient().call(name, AdminMessage.Command.RELOAD).gateway();
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.CONFIG_REFUSED, e.getMessage() + "; the running state stays");
    }
    PrintWriter out = spec.commandLine().getOut();
    out.println(name + " reloaded");
    for (NameView named : now == null ? List.<NameView>of() : now.names()) {
      if (named.trouble() != null) {
        out.println("  " + named.trouble());
      }
    }
    out.flush();
    return ExitCode.OK;
  }
}
