// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.daemon.BootGuard;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.Json;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code culvert guard}: no packet of the cluster leaves in clear from boot until the gateway is
 * up.
 */
@Command(
    name = "guard",
    description = {
      "Loads the rules and the guard of a gateway, without the gateway, and exits.",
      "For a unit that runs before the network: it needs no keys, no addresses and no names that"
          + " resolve. All of the cluster is dropped until 'culvert up', which takes over without a"
          + " gap, or 'culvert down'."
    })
public final class GuardCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "FILE", description = "The configuration.")
  private Path file;

  @Mixin private OutputOption output;

  public GuardCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    BootGuard guard = BootGuard.load(file, machine);
    PrintWriter out = spec.commandLine().getOut();
    if (output.json()) {
      out.println(Json.pretty(guard));
    } else {
      guard.missed().forEach(reason -> out.println("not known yet: " + reason));
      if (guard.kept()) {
        out.println("the guard that stands stays as it is: it may know more");
      } else {
        out.printf(
            Locale.ROOT,
            "%s is guarded: %s blocked until 'culvert up %s'%n",
            guard.interfaceName(),
            guard.ranges().size() == 1
                ? guard.ranges().getFirst() + " stays"
                : guard.ranges().size() + " ranges stay",
            file);
      }
    }
    out.flush();
    return ExitCode.OK;
  }
}
