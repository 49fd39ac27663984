// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import dev.culvert.daemon.Machine;
import dev.culvert.daemon.socket.LocalServer;
import dev.culvert.daemon.socket.OtherUserException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SortedSet;
import java.util.TreeSet;

/** The sockets by which programs configure WireGuard devices: which are in use, and which not. */
final class SocketCheck {
  private static final String SUBJECT = "sockets";

  private final Machine machine;
  private final SortedSet<String> live = new TreeSet<>();
  private final SortedSet<String> stale = new TreeSet<>();
  private final SortedSet<String> closed = new TreeSet<>();

  SocketCheck(Machine machine) {
    this.machine = machine;
  }

  Finding finding() {
    if (Files.isDirectory(machine.uapiDirectory())) {
      try (DirectoryStream<Path> files =
          Files.newDirectoryStream(machine.uapiDirectory(), "*.sock")) {
        for (Path file : files) {
          look(file);
        }
      } catch (IOException e) {
        return Finding.warn(SUBJECT, "cannot be listed: " + e.getMessage(), "run as root");
      }
    }
    String found = "in use: " + (live.isEmpty() ? "none" : String.join(", ", live));
    if (!closed.isEmpty()) {
      found += "; of other users, so that this is not known: " + String.join(", ", closed);
    }
    if (!stale.isEmpty()) {
      return Finding.warn(
          SUBJECT,
          found + "; left by dead processes: " + String.join(", ", stale),
          "they are replaced when the name is used again; or delete them");
    }
    return closed.isEmpty()
        ? Finding.ok(SUBJECT, found)
        : Finding.warn(SUBJECT, found, "run as root");
  }

  private void look(Path file) throws IOException {
    String name = String.valueOf(file.getFileName());
    try {
      (LocalServer.isLive(file) ? live : stale).add(name);
    } catch (OtherUserException e) {
      closed.add(name);
    }
  }
}
