// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import ch.qos.logback.classic.Level;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.Succession;
import dev.culvert.daemon.WireGuardService;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.socket.LocalServer;
import dev.culvert.tunnel.port.Offload;
import dev.culvert.tunnel.port.OffloadModes;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code culvert wg}: a WireGuard device that {@code wg} configures. */
@Command(
    name = "wg",
    description = {
      "Makes a WireGuard interface, to be configured by 'wg' or 'wg-quick'"
          + " (WG_QUICK_USERSPACE_IMPLEMENTATION=culvert-wg).",
      "Returns when the interface can be configured. Deleting the interface or its socket ends it."
    })
public final class WgCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private LogOption log;

  @Option(
      names = {"-f", "--foreground"},
      description = "Stays until the interface goes.")
  private boolean foreground;

  @Option(
      names = "--replace",
      description =
          "If the interface is served already, takes it over from its process, which ends:"
              + " configuration, sessions and counters go on.")
  private boolean replace;

  @Option(
      names = "--udp-segmentation",
      paramLabel = "MODE",
      defaultValue = "${env:CULVERT_UDP_SEGMENTATION}",
      converter = OffloadModeConverter.class,
      description =
          "Whether the kernel may segment sent packets: auto, on or off. Default:"
              + " CULVERT_UDP_SEGMENTATION, auto.")
  private Offload.@Nullable Mode udpSegmentation;

  @Parameters(
      paramLabel = "IFACE",
      converter = InterfaceNameConverter.class,
      description = "The interface's name, unique on the machine.")
  private String interfaceName;

  public WgCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    if (replace) {
      Succession.comeSecond();
    }
    if (!foreground && !Detached.isWanted()) {
      throw new CommandException(
          ExitCode.USAGE, "without -f this works through the launcher, ./culvert");
    }
    log.begin(Level.ERROR);
    try (WireGuardService service = replace ? replaced() : started()) {
      Detached.ready();
      Training.runIfAsked();
      service.awaitEnd();
      Ending.withinBounds();
      String reason = service.failure().orElse(null);
      if (reason != null) {
        throw new CommandException(ExitCode.FAILED, interfaceName + " is gone: " + reason);
      }
    }
    return ExitCode.OK;
  }

  private WireGuardService started() throws IOException, CommandException {
    if (LocalServer.isLive(machine.uapiSocket(interfaceName))) {
      throw new CommandException(
          ExitCode.FAILED,
          interfaceName
              + " is in use by a live process; choose another name, or end that process, or take it"
              + " over by 'culvert wg "
              + interfaceName
              + " --replace' if it is one of Culvert");
    }
    // From the beginning: a signal during the start ends the device once it is there.
    CompletableFuture<WireGuardService> serving = new CompletableFuture<>();
    endBy(serving);
    WireGuardService service = WireGuardService.start(machine, interfaceName, offloads());
    serving.complete(service);
    return service;
  }

  /** A signal before this has taken over ends this process alone: the device is not its own yet. */
  private WireGuardService replaced() throws ConfigException, IOException {
    CompletableFuture<WireGuardService> serving = new CompletableFuture<>();
    WireGuardService service =
        WireGuardService.replace(machine, interfaceName, offloads(), () -> endBy(serving));
    serving.complete(service);
    if (!Logging.isJson()) {
      PrintWriter err = spec.commandLine().getErr();
      err.println(
          "culvert: "
              + interfaceName
              + (service.wasTakenOver()
                  ? " is served by process " + ProcessHandle.current().pid() + " from now on"
                  : " was served by no process: it begins without keys and peers"));
      err.flush();
    }
    return service;
  }

  private static void endBy(CompletableFuture<WireGuardService> serving) {
    Signals.onEnd(
        () -> {
          var _ = serving.thenAccept(WireGuardService::end);
        });
    Ending.withAnyThread(
        reason -> {
          var _ = serving.thenAccept(service -> service.giveUp(reason));
        });
  }

  private OffloadModes offloads() {
    return udpSegmentation == null
        ? OffloadModes.AUTO
        : new OffloadModes(Map.of(Offload.UDP_SEGMENTATION, udpSegmentation));
  }
}
