// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.kubernetes;

import dev.culvert.cli.command.ApiOptions;
import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.cli.command.Gateways;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminMessage;
import dev.culvert.daemon.admin.GatewayView;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code culvert nodes accept}. */
@Command(
    name = "accept",
    description = {
      "Accepts the key that a node claims in place of the accepted one, and takes a rejection back.",
      "Do so if you know that the node lost its key: whoever took over the node could claim one, too."
    })
public final class NodesAcceptCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Parameters(arity = "0..1", paramLabel = "NAME", description = "The node.")
  private @Nullable String name;

  @Option(
      names = "--held",
      description =
          "Instead of a node: the gateway here believes the lists of the API that it holds back.")
  private boolean held;

  @Option(
      names = "--key",
      paramLabel = "KEY",
      description = "Only if the node claims this key: 'culvert status' prints it on the node.")
  private @Nullable String key;

  @Mixin private ApiOptions api;

  public NodesAcceptCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    if (held == (name != null)) {
      throw new CommandException(ExitCode.USAGE, "give a node's name, or --held");
    }
    return name == null ? acceptHeld() : accept(name);
  }

  private int acceptHeld() throws IOException, CommandException {
    GatewayView gateway = ApiOptions.gateway(machine);
    if (gateway == null) {
      new Gateways(machine).requireAllowed();
      throw new CommandException(
          ExitCode.NOT_RUNNING, "no gateway that runs here follows the Kubernetes API");
    }
    machine.adminClient().call(gateway.interfaceName(), AdminMessage.Command.ACCEPT_HELD);
    PrintWriter out = spec.commandLine().getOut();
    out.println(gateway.interfaceName() + " lists the API anew and believes it");
    out.flush();
    return ExitCode.OK;
  }

  private int accept(String node) throws Exception {
    try (KubeApi opened = api.open(machine)) {
      CulvertNode claim = NodeAnnotation.find(opened, node);
      String claimed = claim.spec().publicKey();
      if (key != null && !key.equals(claimed)) {
        throw new CommandException(
            ExitCode.FAILED,
            node + " claims another key, " + Objects.requireNonNullElse(claimed, "none"));
      }
      NodeAnnotation.accept(opened, claim);
      PrintWriter out = spec.commandLine().getOut();
      out.println(
          claimed == null
              ? node + " may give up its key; the registrar decides now"
              : "accepted for " + node + ": " + claimed + "; the registrar decides now");
      out.flush();
    }
    return ExitCode.OK;
  }
}
