// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.kubernetes;

import dev.culvert.cli.command.ApiOptions;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.daemon.Machine;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code culvert nodes reject}. */
@Command(
    name = "reject",
    description =
        "Rejects a node: all other nodes wipe its keys and drop its packets, until 'nodes accept'.")
public final class NodesRejectCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "NAME", description = "The node.")
  private String name;

  @Option(
      names = "--reason",
      required = true,
      paramLabel = "TEXT",
      description = "For people: 'culvert nodes' shows it.")
  private String reason;

  @Mixin private ApiOptions api;

  public NodesRejectCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    try (KubeApi opened = api.open(machine)) {
      NodeAnnotation.reject(opened, NodeAnnotation.find(opened, name), reason);
    }
    PrintWriter out = spec.commandLine().getOut();
    out.println("rejected: " + name + "; the registrar tells the others now");
    out.flush();
    return ExitCode.OK;
  }
}
