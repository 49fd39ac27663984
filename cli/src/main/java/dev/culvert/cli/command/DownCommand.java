// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminMessage;
import dev.culvert.daemon.admin.AdminServer;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.socket.LocalServer;
import dev.culvert.daemon.steer.RunState;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
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
  private static final String LISTEN = "--metrics-listen";
  private static final int PATIENCE_MILLIS = 10_000;
  private static final int STEP_MILLIS = 50;

  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private GatewayParameter gateway;

  @Option(
      names = "--if-up",
      description = "If the gateway is not up, and no other guard stands, that is no error.")
  private boolean ifUp;

  @Option(
      names = "--stay",
      description = "Stays until a signal ends it, as the pods of a DaemonSet have to.")
  private boolean stay;

  @Option(
      names = LISTEN,
      paramLabel = "ADDRESS:PORT",
      defaultValue = "${env:CULVERT_METRICS_LISTEN}",
      description =
          "With --stay: the address of /livez, /startupz and /readyz; ready is: the guard is lifted."
              + " Default: CULVERT_METRICS_LISTEN, none.")
  private @Nullable String listen;

  public DownCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    if (!stay) {
      if (spec.commandLine().getParseResult().hasMatchedOption(LISTEN)) {
        throw new CommandException(ExitCode.USAGE, LISTEN + " goes with --stay");
      }
      lift();
      return ExitCode.OK;
    }
    CountDownLatch end = new CountDownLatch(1);
    Signals.onEnd(end::countDown);
    try (LiftProbes probes = probes()) {
      lift();
      if (probes != null) {
        probes.lifted(Duration.ofMillis(PATIENCE_MILLIS));
      }
      end.await();
    }
    return ExitCode.OK;
  }

  private @Nullable LiftProbes probes() throws ConfigException, IOException {
    return listen == null || listen.isEmpty() ? null : new LiftProbes(LISTEN, listen);
  }

  private void lift() throws Exception {
    String name = gateway.name();
    boolean up = machine.adminClient().isRunning(name) || machine.runState().exists(name);
    if (up) {
      bringDown(name);
    } else if (ifUp) {
      requireNoGuard(name);
    } else {
      throw CommandException.notRunning(machine, name);
    }
    PrintWriter out = spec.commandLine().getOut();
    out.println(name + (up ? " is down" : " is not up"));
    out.flush();
  }

  /** Another gateway's guard is no success: who asks by --if-up wants none to stand. */
  private void requireNoGuard(String name) throws IOException, CommandException {
    if (machine.network().guarded()) {
      throw new CommandException(
          ExitCode.FAILED,
          name
              + " is not up, but a guard stands here: "
              + machine
                  .runState()
                  .guardedByOther(name)
                  .map(other -> "'culvert down " + other + "' lifts it")
                  .orElse("no note names its gateway; docs/operations.md, Back out, removes it"));
    }
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
    // Those of a process that died: the user who starts the gateway next could not tell.
    LocalServer.removeDead(AdminServer.socketPath(machine.adminDirectory(), name));
    LocalServer.removeDead(machine.uapiSocket(name));
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
