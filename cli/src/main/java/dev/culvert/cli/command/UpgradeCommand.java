// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminMessage;
import dev.culvert.daemon.admin.GatewayView;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert upgrade}. */
@Command(
    name = "upgrade",
    description = {
      "Makes a running gateway start the program that is installed now, which takes it over:"
          + " sessions, interface, guard and counters go on, and packets wait for some milliseconds.",
      "Returns when the new process serves. If it cannot take over, the gateway goes on as before."
    })
public final class UpgradeCommand implements Callable<Integer> {
  /** A successor compiles its packet path first, on a machine that may be busy. */
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  private static final Duration STEP = Duration.ofMillis(200);

  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private GatewayParameter gateway;

  public UpgradeCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    String name = gateway.running(machine);
    GatewayView before = Objects.requireNonNull(status(name), "no status of " + name);
    start(name);
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() < deadline) {
      Thread.sleep(STEP);
      GatewayView now = ask(name);
      if (now != null && !Objects.equals(now.process(), before.process())) {
        PrintWriter out = spec.commandLine().getOut();
        out.println(name + " is served by process " + now.process() + " from now on");
        out.flush();
        return ExitCode.OK;
      }
      if (now != null && now.upgradeFailure() != null) {
        throw new CommandException(
            ExitCode.FAILED, now.upgradeFailure() + "; " + name + " goes on as before");
      }
    }
    throw new CommandException(
        ExitCode.FAILED,
        "no new process has taken "
            + name
            + " over within "
            + PATIENCE.toMinutes()
            + " minutes; one that was started may do so yet: 'culvert status' tells the process");
  }

  private void start(String name) throws IOException, CommandException {
    try {
      machine.adminClient().call(name, AdminMessage.Command.UPGRADE);
    } catch (IOException e) {
      if (String.valueOf(e.getMessage()).startsWith("not a request")) {
        throw new CommandException(
            ExitCode.FAILED, name + " runs a version that cannot hand over: restart it");
      }
      throw e;
    }
  }

  /** The gateway's state; null while one process hands over to the other. */
  private @Nullable GatewayView ask(String name) {
    try {
      return status(name);
    } catch (IOException e) {
      return null; // The next question tells.
    }
  }

  private @Nullable GatewayView status(String name) throws IOException {
    return machine.adminClient().call(name, AdminMessage.Command.STATUS).gateway();
  }
}
