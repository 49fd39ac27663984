// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import ch.qos.logback.classic.Level;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.socket.LocalServer;
import dev.culvert.daemon.uapi.UapiServer;
import dev.culvert.tunnel.gateway.RunningTunnel;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import java.nio.file.FileAlreadyExistsException;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

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

  @Mixin private LogOption log;

  @Option(
      names = {"-f", "--foreground"},
      description = "Stays until the interface goes.")
  private boolean foreground;

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
    if (!foreground && !Detached.isWanted()) {
      throw new CommandException(
          ExitCode.USAGE, "without -f this works through the launcher, ./culvert");
    }
    log.begin(Level.ERROR);
    if (LocalServer.isLive(machine.uapiSocket(interfaceName))) {
      throw new FileAlreadyExistsException(interfaceName);
    }
    CountDownLatch ended = new CountDownLatch(1);
    AtomicReference<@Nullable String> failure = new AtomicReference<>();
    Signals.onEnd(ended::countDown);
    Ending.withAnyThread(
        reason -> {
          failure.set(reason);
          ended.countDown();
        });
    WireGuardDevice device = machine.openWireGuard(interfaceName, 0, 0, null);
    try (RunningTunnel running = device.tunnel();
        UapiServer uapi = UapiServer.open(machine.uapiDirectory(), device)) {
      endWith(ended, "link watch", running::awaitClosed);
      endWith(ended, "socket watch", uapi::awaitGone);
      Detached.ready();
      ended.await();
      Ending.withinBounds();
      running.failure().ifPresent(failure::set);
    }
    String reason = failure.get();
    if (reason != null) {
      throw new CommandException(ExitCode.FAILED, interfaceName + " is gone: " + reason);
    }
    return ExitCode.OK;
  }

  /** Returns when the device is to end. */
  private interface Wait {
    void await() throws InterruptedException;
  }

  private static void endWith(CountDownLatch ended, String name, Wait wait) {
    Thread.ofVirtual()
        .name(name)
        .start(
            () -> {
              try {
                wait.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              } finally {
                ended.countDown();
              }
            });
  }
}
