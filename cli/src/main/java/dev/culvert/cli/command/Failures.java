// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.daemon.AlreadyRunsException;
import dev.culvert.daemon.config.ConfigException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.Objects;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.ParseResult;

/** Turns an exception of a command into one line and an exit status. */
public final class Failures implements IExecutionExceptionHandler {
  private final boolean debug;

  /**
   * @param debug whether stack traces are wanted
   */
  public Failures(boolean debug) {
    this.debug = debug;
  }

  @Override
  public int handleExecutionException(Exception e, CommandLine command, ParseResult parsed) {
    PrintWriter err = command.getErr();
    if (debug) {
      e.printStackTrace(err);
    }
    err.println("culvert: " + message(e));
    if (!debug && e instanceof RuntimeException && !(e instanceof UncheckedIOException)) {
      err.println("culvert: this is a defect; CULVERT_DEBUG=1 shows where");
    }
    err.flush();
    return switch (e) {
      case CommandException c -> c.exitCode();
      case ConfigException c -> ExitCode.CONFIG_REFUSED;
      default -> ExitCode.FAILED;
    };
  }

  /** The exception's message for people. */
  static String message(Exception e) {
    return switch (e) {
      case AlreadyRunsException a when a.isGateway() ->
          a.getFile()
              + " runs already and goes on; 'culvert reload "
              + a.getFile()
              + "' reads its file again, 'culvert down "
              + a.getFile()
              + "' ends it";
      case FileAlreadyExistsException f ->
          f.getFile() + " is in use by a live process; choose another name or end that process";
      case AccessDeniedException a ->
          a.getFile() + ": permission denied; run this as root, or give this user access";
      case NoSuchFileException n -> n.getFile() + " does not exist";
      default -> (e.getMessage() == null ? e.toString() : e.getMessage()) + advice(e);
    };
  }

  /**
   * Advice for a process that is out of descriptors. It is told by the text, since descriptors run
   * out in many places with a message of their own.
   */
  private static String advice(Throwable e) {
    return Objects.toString(e.getMessage(), "").contains("Too many open files")
        ? "; raise the limit (ulimit -n, LimitNOFILE= in a unit)"
        : "";
  }
}
