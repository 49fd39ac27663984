// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.cli.command.GatewayParameter;
import dev.culvert.cli.command.OutputOption;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminMessage;
import dev.culvert.daemon.admin.Json;
import dev.culvert.daemon.admin.RoutesView;
import dev.culvert.daemon.admin.RoutesView.ExplanationView;
import dev.culvert.daemon.steer.GatewayPlan;
import dev.culvert.daemon.steer.PacketQuery;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code culvert routes}. */
@Command(
    name = "routes",
    description = {
      "Shows how a gateway steers packets, or the verdict on one packet and its line.",
      "A file that no gateway runs from is worked out for this machine."
    })
public final class RoutesCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private GatewayParameter gateway;

  @Option(
      names = "--explain",
      arity = "2",
      paramLabel = "END",
      description = "A source and a destination: SRC[:PORT] DST[:PORT][/PROTOCOL].")
  private @Nullable List<String> ends;

  @Mixin private OutputOption output;

  public RoutesCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    List<String> packet = ends == null ? List.of() : ends;
    if (!packet.isEmpty()) {
      requireQuery(packet);
    }
    RoutesView routes = routes(packet);
    PrintWriter out = spec.commandLine().getOut();
    ExplanationView explanation = routes.explanation();
    if (output.json()) {
      out.println(Json.pretty(explanation == null ? routes : explanation));
    } else if (explanation != null) {
      out.println(explanation.outcome());
      explanation.lines().forEach(line -> out.println("  " + line));
    } else {
      routes.rules().forEach(out::println);
      routes.routes().forEach(out::println);
    }
    out.flush();
    return ExitCode.OK;
  }

  /**
   * Refuses a bad question before a gateway is asked, which could only say that its work failed.
   */
  private static void requireQuery(List<String> packet) throws CommandException {
    try {
      PacketQuery.parse(packet);
    } catch (IOException e) {
      throw new CommandException(ExitCode.USAGE, String.valueOf(e.getMessage()));
    }
  }

  private RoutesView routes(List<String> packet) throws Exception {
    String name = gateway.name();
    if (machine.adminClient().isRunning(name)) {
      RoutesView running =
          machine
              .adminClient()
              .call(name, AdminMessage.Command.ROUTES, packet.toArray(String[]::new))
              .routes();
      if (running != null) {
        return running;
      }
    }
    gateway.requireHere(machine);
    return GatewayPlan.of(gateway.configuration(machine), machine.network()).routes(packet);
  }
}
