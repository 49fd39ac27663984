// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The name of this machine, as the kernel knows it, so that no name server is asked. */
final class MachineName {
  private MachineName() {}

  static String read() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
    } catch (IOException e) {
      return "localhost";
    }
  }
}
