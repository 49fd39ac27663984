// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A small Debian system with systemd as its first process, in a network namespace that others see
 * too. It is made of Debian's packages, and ended with all that runs in it.
 */
public final class SystemdMachine implements AutoCloseable {
  private static final Duration LONG = Duration.ofMinutes(10);
  private static final String PACKAGES =
      "systemd,systemd-sysv,nftables,iproute2,iputils-ping,ca-certificates,procps";

  private final Path root;
  private final Daemon container;
  private final long first;

  /**
   * @param folder in which the system's root is made
   */
  public SystemdMachine(Path folder, Namespace network) {
    root = folder.resolve("root");
    Commands.attempt(
            LONG,
            Map.of(),
            List.of(
                "mmdebstrap",
                "--quiet",
                "--variant=minbase",
                "--include=" + PACKAGES,
                "bookworm",
                root.toString()))
        .orThrow();
    container =
        Daemon.start(
            Map.of(),
            List.of(
                "systemd-nspawn",
                "--directory=" + root,
                "--register=no",
                "--keep-unit",
                "--boot",
                "--console=pipe",
                "--capability=CAP_NET_ADMIN,CAP_NET_RAW",
                "--bind=/dev/net/tun",
                "--network-namespace-path=/run/netns/" + network.name()));
    try {
      container.await("its first process", LONG, () -> firstProcess() > 0);
      first = firstProcess();
      container.await("systemd", LONG, () -> attempt("systemctl is-system-running").succeeded());
      // As udev does on a machine that has it.
      run("chmod 666 /dev/net/tun");
    } catch (RuntimeException e) {
      container.close();
      throw e;
    }
  }

  private long firstProcess() {
    return ProcessHandle.of(container.pid())
        .flatMap(nspawn -> nspawn.children().findFirst())
        .map(ProcessHandle::pid)
        .orElse(0L);
  }

  /** A path on the system, as others see it. */
  public Path path(String inside) {
    return root.resolve(inside.substring(1));
  }

  /** Runs the words of a shell in here. */
  public Commands.Result attempt(String script) {
    List<String> command =
        new ArrayList<>(List.of("nsenter", "-a", "-t", Long.toString(firstProcess())));
    command.addAll(List.of("sh", "-ec", script));
    return Commands.attempt(LONG, Map.of("DEBIAN_FRONTEND", "noninteractive"), command);
  }

  /** The same; it must succeed. Returns the output. */
  public String run(String script) {
    return attempt(script).orThrow().out();
  }

  @Override
  public void close() {
    ProcessHandle.of(first).ifPresent(ProcessHandle::destroyForcibly);
    container.close();
  }
}
