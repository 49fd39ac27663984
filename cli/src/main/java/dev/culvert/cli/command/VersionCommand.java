// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.cli.sbom.Sbom;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code culvert version}. */
@Command(name = "version", description = "Prints the version, or the list of all that it ships.")
public final class VersionCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--sbom",
      description =
          "Print the components with their versions, licences and SHA-256 as CycloneDX JSON. Of a"
              + " package or image, the Java runtime is one of them.")
  private boolean sbom;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    if (sbom) {
      out.print(Sbom.ofThisInstallation());
    } else {
      spec.commandLine().printVersionHelp(out);
    }
    out.flush();
    return ExitCode.OK;
  }
}
