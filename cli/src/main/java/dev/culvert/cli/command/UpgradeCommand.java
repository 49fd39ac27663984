// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminMessage;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.UpgradeView;
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
          + " A signal ends the wait, not the upgrade."
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
    Long started = start(name);
    PrintWriter err = spec.commandLine().getErr();
    err.println(
        "culvert: a new process warms up beside "
            + name
            + ", which takes from seconds to two minutes");
    err.flush();
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() < deadline) {
      Thread.sleep(STEP);
      GatewayView now = ask(name);
      if (now != null && !Objects.equals(now.process(), before.process())) {
        tell(name, now.process(), started);
        return ExitCode.OK;
      }
      UpgradeView upgrade = now == null ? null : now.upgrade();
      if (upgrade != null && upgrade.failure() != null && isOf(upgrade, started)) {
        boolean refused = Objects.equals(upgrade.exitCode(), ExitCode.CONFIG_REFUSED);
        throw new CommandException(
            refused ? ExitCode.CONFIG_REFUSED : ExitCode.FAILED,
            name + " was not upgraded: " + upgrade.failure());
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

  private static boolean isOf(UpgradeView upgrade, @Nullable Long started) {
    return started == null || started == upgrade.process();
  }

  private void tell(String name, @Nullable Long serving, @Nullable Long started) {
    PrintWriter out = spec.commandLine().getOut();
    out.println(
        name
            + " is served by process "
            + serving
            + " from now on"
            + (started == null || started.equals(serving)
                ? ""
                : ", which this command has not started; its own was process " + started));
    out.flush();
  }

  /** Starts the new process, and returns its id. */
  private @Nullable Long start(String name) throws IOException, CommandException {
    try {
      GatewayView now = machine.adminClient().call(name, AdminMessage.Command.UPGRADE).gateway();
      return now == null || now.upgrade() == null ? null : now.upgrade().process();
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
