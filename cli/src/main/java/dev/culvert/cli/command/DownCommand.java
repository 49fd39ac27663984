// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminMessage;
import dev.culvert.daemon.steer.RunState;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code culvert down}. */
@Command(
    name = "down",
    description = {
      "Ends a gateway and lifts its guard: from now on its ranges are routed as without it.",
      "Works as well when the gateway died before. The settings that 'up --kubernetes' wrote are"
          + " deleted."
    })
public final class DownCommand implements Callable<Integer> {
  private static final int PATIENCE_MILLIS = 10_000;
  private static final int STEP_MILLIS = 50;

  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private GatewayParameter gateway;

  @Option(names = "--if-up", description = "If the gateway is not up, that is no error.")
  private boolean ifUp;

  @Option(
      names = "--stay",
      description = "Stays until a signal ends it, as the pods of a DaemonSet have to.")
  private boolean stay;

  public DownCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    if (stay) {
      Signals.onEnd(end::countDown);
    }
    String name = gateway.name();
    boolean up = machine.adminClient().isRunning(name) || machine.runState().exists(name);
    if (!up && !ifUp) {
      throw CommandException.notRunning(machine, name);
    }
    if (up) {
      bringDown(name);
    }
    PrintWriter out = spec.commandLine().getOut();
    out.println(name + (up ? " is down" : " is not up"));
    out.flush();
    if (stay) {
      end.await();
    }
    return ExitCode.OK;
  }

  private void bringDown(String name) throws Exception {
    RunState state = machine.runState();
    gateway.requireHere(machine);
    if (machine.adminClient().isRunning(name)) {
      stop(name);
    }
    if (state.exists(name)) {
      machine.network().remove();
      state.settings(name).restore(machine.network());
      Path settings = KubernetesOptions.file(machine.adminDirectory(), name).toAbsolutePath();
      if (state.configuration(name).filter(settings::equals).isPresent()) {
        Files.deleteIfExists(settings);
      }
      state.delete(name);
    }
  }

  /**
   * Ends the gateway. It may end, or die, before its answer arrives, and one that hangs never
   * answers, so this checks whether the gateway still runs.
   */
  private void stop(String name) throws IOException, InterruptedException {
    AtomicReference<String> unanswered = new AtomicReference<>("it does not answer");
    Thread.ofVirtual().start(() -> unanswered.set(tell(name)));
    for (int waited = 0; new Gateways(machine).isRunning(name); waited += STEP_MILLIS) {
      if (waited > PATIENCE_MILLIS) {
        throw new IOException(
            name
                + " was told to end and still runs ("
                + unanswered
                + "); its guard stays: end its process, then run this again");
      }
      Thread.sleep(STEP_MILLIS);
    }
  }

  /** Tells the gateway to end; returns why it may still run. */
  private String tell(String name) {
    try {
      machine.adminClient().call(name, AdminMessage.Command.STOP);
      return "it takes its time";
    } catch (IOException e) {
      return String.valueOf(e.getMessage());
    }
  }
}
