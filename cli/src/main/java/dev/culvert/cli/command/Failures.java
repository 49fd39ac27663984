// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.cli.command.log.Journal;
import dev.culvert.daemon.AlreadyRunsException;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.socket.OtherUserException;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
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
    if (Logging.isJson() && !Detached.isWanted()) {
      log(e);
    } else {
      print(e, command.getErr());
    }
    return switch (e) {
      case CommandException c -> c.exitCode();
      case ConfigException c -> ExitCode.CONFIG_REFUSED;
      default -> ExitCode.FAILED;
    };
  }

  /** The last line of a log of JSON is JSON too. */
  private void log(Exception e) {
    // Not a field of the class: most commands log nothing, and start sooner without the library.
    EventLog log = EventLog.of(Failures.class);
    Field reason = Field.reason(message(e));
    if (debug || isDefect(e)) {
      log.failure(LogEvent.COMMAND_ENDED, e, "culvert: {}", reason);
    } else {
      log.error(LogEvent.COMMAND_ENDED, "culvert: {}", reason);
    }
  }

  private static boolean isDefect(Exception e) {
    return e instanceof RuntimeException && !(e instanceof UncheckedIOException);
  }

  private void print(Exception e, PrintWriter err) {
    if (debug) {
      e.printStackTrace(err);
    }
    // The journal would take a line without a priority for information.
    String priority = Journal.hasStandardError() ? "<3>" : "";
    err.println(priority + "culvert: " + message(e));
    if (!debug && isDefect(e)) {
      err.println("culvert: this is a defect; CULVERT_DEBUG=1 shows where");
    }
    err.flush();
  }

  /** The exception's message for people. */
  public static String message(Exception e) {
    return switch (e) {
      case AlreadyRunsException a when a.isGateway() ->
          a.getFile()
              + " runs already and goes on; 'culvert reload "
              + a.getFile()
              + "' reads its file again, 'culvert upgrade "
              + a.getFile()
              + "' replaces its process, 'culvert down "
              + a.getFile()
              + "' ends it";
      case FileAlreadyExistsException f ->
          f.getFile() + " is in use by a live process; choose another name or end that process";
      case OtherUserException o -> o.getMessage();
      case AccessDeniedException a -> OtherUserException.denied(a);
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
