// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.key;

import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.daemon.config.ready.Desired;
import dev.culvert.daemon.config.ready.DesiredEsp;
import dev.culvert.daemon.config.ready.ManualKeyMaterial;
import dev.culvert.tunnel.esp.manual.ManualSa;
import dev.culvert.tunnel.esp.manual.SequenceRefusedException;
import dev.culvert.tunnel.state.SequenceFiles;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code culvert key enrol}. */
@Command(
    name = "enrol",
    description = {
      "Lets a manual SA send: makes the record of its sequence numbers, from 1 on.",
      "Only for a key that was never used to send by any machine: you answer for that."
    })
public final class KeyEnrolCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "FILE", description = "The gateway's configuration.")
  private Path file;

  @Parameters(index = "1", paramLabel = "PEER", description = "Whose outbound key it is.")
  private String peer;

  public KeyEnrolCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    try (Desired desired = Desired.of(ConfigFile.read(file))) {
      if (!(desired instanceof DesiredEsp esp)
          || !(esp.keys() instanceof ManualKeyMaterial manual)) {
        throw new CommandException(ExitCode.CONFIG_REFUSED, file + " has no manual SAs");
      }
      ManualSa sa =
          manual.outbound().stream()
              .filter(outbound -> outbound.peer().equals(peer))
              .findFirst()
              .orElseThrow(
                  () ->
                      new CommandException(
                          ExitCode.CONFIG_REFUSED, file + " has no peer '" + peer + "'"));
      enrol(machine.sequenceFiles(), sa);
    }
    PrintWriter out = spec.commandLine().getOut();
    out.println("the key for " + peer + " may be sent under, from sequence number 1");
    out.flush();
    return ExitCode.OK;
  }

  private static void enrol(SequenceFiles files, ManualSa sa) throws Exception {
    try {
      files.enrol(sa);
    } catch (SequenceRefusedException e) {
      throw new CommandException(ExitCode.CONFIG_REFUSED, String.valueOf(e.getMessage()));
    }
  }
}
