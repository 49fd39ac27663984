// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

/** The command's exit statuses; the root command's help explains them. */
public final class ExitCode {
  public static final int OK = 0;
  public static final int FAILED = 1;
  public static final int USAGE = 2;
  public static final int CONFIG_REFUSED = 3;
  public static final int NOT_RUNNING = 4;
  public static final int IN_CLEAR = 5;

  private ExitCode() {}
}
