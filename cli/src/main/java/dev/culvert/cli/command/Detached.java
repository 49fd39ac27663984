// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;

/**
 * Lets the launcher return when the gateway answers: the launcher reads our standard output until
 * it says that the gateway is ready. The launcher asks for this by an environment variable, since
 * it starts us in a session of our own.
 */
final class Detached {
  private static final String VARIABLE = "CULVERT_DETACHED";

  private Detached() {}

  static boolean isWanted() {
    return "1".equals(System.getenv(VARIABLE));
  }

  /**
   * Tells the launcher that the gateway is up, and closes the streams that belong to its terminal.
   */
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

  /** Closes a standard stream; the JDK puts /dev/null in its place. */
  private static void close(FileDescriptor descriptor) throws IOException {
    new FileOutputStream(descriptor).close();
  }
}
