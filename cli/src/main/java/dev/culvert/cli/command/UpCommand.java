// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import ch.qos.logback.classic.Level;
import dev.culvert.daemon.AlreadyRunsException;
import dev.culvert.daemon.GatewayDaemon;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.ServiceManager;
import dev.culvert.daemon.Succession;
import dev.culvert.daemon.Upgrade;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.daemon.socket.OtherUserException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code culvert up}: a gateway from a file. */
@Command(
    name = "up",
    description = {
      "Runs a gateway from a file: YAML, or .conf in the format of wg(8).",
      "Packets to addresses that its peers own never leave in clear from here on, even if this"
          + " process dies, until 'culvert down'. SIGHUP and 'culvert reload' read the file again."
    })
public final class UpCommand implements Callable<Integer> {
  /** For names that do not resolve and a guard of many ranges, on a machine that is busy. */
  private static final Duration START_PATIENCE = Duration.ofMinutes(1);

  private static final Duration LINGER_STEP = Duration.ofMillis(250);

  private final Machine machine;

  @Spec private CommandSpec spec;

  @Parameters(arity = "0..1", paramLabel = "FILE", description = "The configuration.")
  private @Nullable Path given;

  @Option(
      names = "--kubernetes",
      description =
          "Instead of a file: the nodes come from the Kubernetes API. The settings come from the"
              + " options below, or from the environment, and are written to"
              + " /run/culvert/INTERFACE.json.")
  private boolean kubernetes;

  @Mixin private KubernetesOptions kubernetesOptions;

  @Mixin private LogOption log;

  @Option(
      names = {"-d", "--detach"},
      description = "Returns when the gateway is up and leaves it running.")
  private boolean detach;

  @Option(
      names = "--replace",
      description =
          "If the gateway runs already, takes it over from its process, which ends: sessions,"
              + " interface and counters go on, and packets wait for some milliseconds.")
  private boolean replace;

  public UpCommand(Machine machine) {
    this.machine = machine;
  }

  private Path file() throws IOException, CommandException {
    if (kubernetes == (given != null)) {
      throw new CommandException(ExitCode.USAGE, "give a file, or --kubernetes");
    }
    if (given != null) {
      String stray = kubernetesOptions.firstOf(spec.commandLine().getParseResult());
      if (stray != null) {
        throw new CommandException(ExitCode.USAGE, stray + " goes with --kubernetes, not a file");
      }
      return given;
    }
    return kubernetesOptions.write(machine.adminDirectory());
  }

  @Override
  public Integer call() throws Exception {
    if (replace) {
      Succession.comeSecond();
    }
    if (detach && !Detached.isWanted()) {
      throw new CommandException(ExitCode.USAGE, "--detach works through the launcher, ./culvert");
    }
    log.begin(Level.INFO);
    boolean toFile = Detached.isWanted() && !Logging.isAsked();
    if (toFile) {
      Logging.beforeFile();
    }
    ServiceManager manager = ServiceManager.ofThisProcess();
    if (!replace) {
      // One that replaces another is not the service before it has taken over.
      manager.starting(START_PATIENCE);
    }
    Path file = file();
    AtomicBoolean told = new AtomicBoolean();
    CompletableFuture<GatewayDaemon> serving = new CompletableFuture<>();
    try (GatewayDaemon daemon = start(file, manager, () -> endBy(serving, told))) {
      serving.complete(daemon);
      Signals.onReload(daemon::reloadLogged);
      daemon.reportTo(manager);
      daemon.upgradeBy(
          new Upgrade(
              daemon.interfaceName(), spec.root().commandLine().getParseResult().originalArgs()));
      if (toFile) {
        Logging.toFile(daemon.interfaceName());
      }
      Detached.ready();
      Training.runIfAsked();
      daemon.awaitClosed();
      if (daemon.wasHandedOver()) {
        linger(told);
      }
      Ending.withinBounds();
      if (told.get() || daemon.wasStopped() || daemon.wasHandedOver()) {
        return ExitCode.OK;
      }
      String failure = daemon.failure().orElse(null);
      if (failure != null) {
        throw new CommandException(
            ExitCode.FAILED,
            failure + "; its ranges stay blocked until 'culvert down " + file + "'");
      }
    }
    throw new CommandException(
        ExitCode.FAILED,
        "the interface was deleted, renamed or moved away; its ranges stay blocked until 'culvert down "
            + file
            + "'");
  }

  private static void endBy(CompletableFuture<GatewayDaemon> serving, AtomicBoolean told) {
    Signals.onEnd(
        () -> {
          told.set(true);
          Ending.withinBounds();
          var _ = serving.thenAccept(GatewayDaemon::closeDevice);
        });
    Ending.withAnyThread(
        reason -> {
          var _ = serving.thenAccept(daemon -> daemon.giveUp(reason));
        });
  }

  /**
   * Waits to be told to end if this is the first process of a container: its end would have the
   * container started again, though another one serves.
   */
  private static void linger(AtomicBoolean told) throws InterruptedException {
    while (ProcessHandle.current().pid() == 1 && !told.get()) {
      Thread.sleep(LINGER_STEP);
    }
  }

  /**
   * @param whenServing called when this process is about to be the one that serves
   */
  private GatewayDaemon start(Path file, ServiceManager manager, Runnable whenServing)
      throws ConfigException, IOException, CommandException {
    try {
      return replace
          ? GatewayDaemon.replace(file, machine, manager, whenServing)
          : GatewayDaemon.start(file, machine, manager, whenServing);
    } catch (AlreadyRunsException | OtherUserException e) {
      throw e;
    } catch (ConfigException e) {
      throw stays(file, ExitCode.CONFIG_REFUSED, e);
    } catch (IOException e) {
      throw stays(file, ExitCode.FAILED, e);
    }
  }

  /**
   * A failure whose message also says whether the guard stands, which this start or an earlier one
   * loaded.
   */
  private CommandException stays(Path file, int exitCode, Exception e) throws IOException {
    if (replace && isServed(file)) {
      return new CommandException(
          exitCode, Failures.message(e) + "; the gateway goes on in its former process");
    }
    return new CommandException(
        exitCode,
        Failures.message(e)
            + (isGuarded()
                ? "; the ranges of the peers stay blocked: mend this and try again, or 'culvert down "
                    + file
                    + "'"
                : ""));
  }

  /** Whether another process runs the gateway; any gateway if the file does not tell its name. */
  private boolean isServed(Path file) throws IOException {
    try {
      return machine.adminClient().isRunning(ConfigFile.read(file).interfaceName());
    } catch (ConfigException e) {
      return !new Gateways(machine).names().isEmpty();
    }
  }

  private boolean isGuarded() {
    try {
      return machine.network().guarded();
    } catch (IOException e) {
      return false; // Without nft there is no guard.
    }
  }
}
