// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Namespace;
import java.util.ArrayList;
import java.util.List;

/** The command as user nobody, who may do no more than a container with NET_ADMIN. */
public final class Unprivileged {
  /**
   * Words of a shell that show the checkout below /mnt: it may lie below /tmp, or in a home that
   * others may not enter.
   */
  public static final String SHOWN =
      "mount -t tmpfs tmpfs /mnt; mkdir /mnt/culvert; mount --bind "
          + Culvert.launcher(".").toAbsolutePath().normalize()
          + " /mnt/culvert; ";

  /** The launcher there. */
  public static final String SHOWN_CULVERT = "/mnt/culvert/culvert";

  private static final List<String> NET_ADMIN_ONLY =
      List.of(
          "setpriv",
          "--reuid=65534",
          "--regid=65534",
          "--clear-groups",
          "--inh-caps=+net_admin",
          "--ambient-caps=+net_admin",
          "--bounding-set=-all,+net_admin");

  private Unprivileged() {}

  /** The command line by which user nobody runs {@code culvert} of the checkout that is shown. */
  public static List<String> culvert(String... arguments) {
    List<String> command = new ArrayList<>(NET_ADMIN_ONLY);
    command.add(SHOWN_CULVERT);
    command.addAll(List.of(arguments));
    return command;
  }

  /** Runs the words of a shell in a mount namespace of its own; the command is "$@" there. */
  public static Commands.Result inShell(Namespace network, String script, List<String> command) {
    List<String> shell = new ArrayList<>(List.of("unshare", "-m", "sh", "-ec", script, "sh"));
    shell.addAll(command);
    return network.attempt(shell.toArray(String[]::new));
  }
}
