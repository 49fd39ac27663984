// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.capture;

import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminMessage;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The lines of a gateway's key log, each given once. They are secret. */
final class KeyLines {
  private final Machine machine;
  private final String gateway;
  private final Set<String> seen = new HashSet<>();

  KeyLines(Machine machine, String gateway) {
    this.machine = machine;
    this.gateway = gateway;
  }

  /**
   * The lines that are new since the last call. The gateway forgets handshakes if it is not asked
   * for 10 s.
   */
  List<String> fresh() throws IOException {
    List<String> lines = machine.adminClient().call(gateway, AdminMessage.Command.KEYLOG).keyLog();
    return lines == null ? List.of() : lines.stream().filter(seen::add).toList();
  }
}
