// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli;

import dev.culvert.daemon.Machine;
import dev.culvert.tunnel.gateway.Preparation;
import java.util.List;

/** The {@code culvert} command on this machine. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    if (arguments.length > 0 && List.of("wg", "up").contains(arguments[0])) {
      Preparation.start();
    }
    boolean debug = "1".equals(System.getenv("CULVERT_DEBUG"));
    try {
      Machine machine = Machine.local();
      System.exit(RootCommand.commandLine(machine, debug, arguments).execute(arguments));
    } catch (UnsatisfiedLinkError | ExceptionInInitializerError e) {
      if (debug) {
        throw e;
      }
      System.err.println("culvert: a native library cannot be loaded: " + reason(e));
      System.err.println(
          "culvert: start it by its launcher, or let java.io.tmpdir be a folder that is writable"
              + " and not mounted noexec");
      System.exit(1);
    }
  }

  /** The first line of the root cause's message: jffi puts a stack trace into its message. */
  private static String reason(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause.toString().lines().findFirst().orElse("");
  }
}
