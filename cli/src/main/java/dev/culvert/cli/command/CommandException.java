package dev.culvert.cli.command;

/** A command that cannot go on: a message that says what to do next, and an exit status. */
final class CommandException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int exitCode;

  CommandException(int exitCode, String message) {
    super(message);
    this.exitCode = exitCode;
  }

  static CommandException notRunning(String interfaceName) {
    return new CommandException(
        ExitCode.NOT_RUNNING,
        "no gateway '"
            + interfaceName
            + "' is running; 'culvert status' lists those that are (root sees them all)");
  }

  int exitCode() {
    return exitCode;
  }
}
