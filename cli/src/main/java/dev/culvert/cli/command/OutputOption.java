// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import picocli.CommandLine.Option;

/** {@code -o}. */
public final class OutputOption {
  private enum Format {
    TABLE,
    JSON
  }

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      defaultValue = "table",
      description = "table (for people) or json (for programs).")
  private Format format;

  public boolean json() {
    return format == Format.JSON;
  }
}
