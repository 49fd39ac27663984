package dev.culvert.cli.command;

import dev.culvert.cli.admin.AdminMessage;
import dev.culvert.cli.daemon.Machine;
import dev.culvert.cli.daemon.RunState;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code culvert down}. */
@Command(
    name = "down",
    description = {
      "Ends a gateway and lifts its guard: from now on its ranges are routed as without it.",
      "Works as well when the gateway died before."
    })
final class DownCommand implements Callable<Integer> {
  private static final int PATIENCE_MILLIS = 10_000;
  private static final int STEP_MILLIS = 50;

  private final Machine machine;

  @Spec private CommandSpec spec;

  @Parameters(
      arity = "0..1",
      paramLabel = "IFACE|FILE",
      defaultValue = GatewayName.DEFAULT,
      description = "Which gateway (default: ${DEFAULT-VALUE}).")
  private String gateway;

  DownCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    String name = GatewayName.of(gateway);
    RunState state = machine.runState();
    boolean running = machine.adminClient().isRunning(name);
    if (!running && !state.exists(name)) {
      throw CommandException.notRunning(name);
    }
    if (state.isElsewhere(name)) {
      throw new CommandException(
          ExitCode.FAILED,
          name + " was brought up in another network namespace; run this there (ip netns exec)");
    }
    if (running) {
      machine.adminClient().call(name, AdminMessage.Command.STOP);
      awaitEnd(name);
    }
    if (state.exists(name)) {
      machine.network().remove();
      state.settings(name).restore(machine.network());
      state.delete(name);
    }
    PrintWriter out = spec.commandLine().getOut();
    out.println(name + " is down");
    out.flush();
    return ExitCode.OK;
  }

  private void awaitEnd(String name) throws IOException, InterruptedException {
    for (int waited = 0; new Gateways(machine).isRunning(name); waited += STEP_MILLIS) {
      if (waited > PATIENCE_MILLIS) {
        throw new IOException(name + " was told to end and still runs; its guard stays");
      }
      Thread.sleep(STEP_MILLIS);
    }
  }
}
