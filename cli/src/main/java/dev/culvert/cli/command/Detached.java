// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;

/**
 * The other half of the launcher's promise that a command returns when the gateway answers: the
 * launcher reads our standard output until it says so. It asks for this by an environment variable,
 * since it starts us in a session of our own.
 */
final class Detached {
  private static final String VARIABLE = "CULVERT_DETACHED";

  private Detached() {}

  static boolean isWanted() {
    return "1".equals(System.getenv(VARIABLE));
  }

  /** Tells the launcher that all is up, and lets go of what belongs to its terminal. */
  static void ready() throws IOException {
    if (!isWanted()) {
      return;
    }
    PrintStream out = System.out;
    out.println("culvert: ready");
    out.flush();
    close(FileDescriptor.out);
    if (!Logging.isAsked()) {
      close(FileDescriptor.err);
    }
  }

  /** The JDK puts /dev/null in the place of a standard stream that is closed. */
  private static void close(FileDescriptor descriptor) throws IOException {
    new FileOutputStream(descriptor).close();
  }
}
