// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.daemon.Machine;
import dev.culvert.daemon.socket.LocalServer;
import java.io.IOException;

/** The failure of a command, with an exit status and a message that says how to go on. */
public final class CommandException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int exitCode;

  public CommandException(int exitCode, String message) {
    super(message);
    this.exitCode = exitCode;
  }

  /**
   * The failure if the gateway does not run. The message also says whether its guard stands without
   * it, since the user then notices blocked ranges.
   */
  static CommandException notRunning(Machine machine, String interfaceName) throws IOException {
    if (LocalServer.isLive(machine.uapiSocket(interfaceName))) {
      return new CommandException(
          ExitCode.NOT_RUNNING,
          interfaceName
              + " is a WireGuard device, not a gateway: 'wg' configures it, 'culvert wg "
              + interfaceName
              + " --replace' replaces its process if it is one of Culvert, and 'ip link delete "
              + interfaceName
              + "' ends it");
    }
    String next =
        machine.runState().exists(interfaceName)
            ? "its ranges stay blocked until 'culvert up', or 'culvert down " + interfaceName + "'"
            : "'culvert status' lists those that are (root sees them all)";
    return new CommandException(
        ExitCode.NOT_RUNNING, "no gateway '" + interfaceName + "' is running; " + next);
  }

  int exitCode() {
    return exitCode;
  }
}
