package dev.culvert.cli.command;

/** What the command's exit status means; the root command's help lists them. */
final class ExitCode {
  static final int OK = 0;
  static final int FAILED = 1;
  static final int USAGE = 2;
  static final int CONFIG_REFUSED = 3;
  static final int IN_CLEAR = 3;
  static final int NOT_RUNNING = 4;

  private ExitCode() {}
}
