// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code culvert completion}. */
@Command(
    name = "completion",
    description = "Prints a completion script, as for 'source <(culvert completion bash)'.")
public final class CompletionCommand implements Callable<Integer> {
  /** One script serves both shells: in zsh it turns on the emulation of bash by itself. */
  private enum Shell {
    BASH,
    ZSH
  }

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "SHELL", description = "bash or zsh.")
  private Shell shell;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    if (shell == Shell.ZSH) {
      out.println("#compdef culvert");
    }
    out.print(AutoComplete.bash("culvert", spec.root().commandLine()));
    out.flush();
    return ExitCode.OK;
  }
}
