// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.Gateways;
import dev.culvert.cli.command.GatewaysParameter;
import dev.culvert.cli.command.OutputOption;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.Json;
import dev.culvert.daemon.admin.PeerView;
import dev.culvert.daemon.admin.Units;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert peers}. */
@Command(
    name = "peers",
    description = "Lists peers, their endpoints, and the time of their last authenticated packet.")
public final class PeersCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private GatewaysParameter which;

  @Mixin private OutputOption output;

  public PeersCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws IOException, CommandException {
    PrintWriter out = spec.commandLine().getOut();
    Gateways.Answers answers = which.ask(machine);
    List<GatewayView> gateways = answers.gateways();
    if (output.json()) {
      out.println(
          Json.pretty(
              gateways.stream()
                  .map(g -> new InterfacePeers(g.interfaceName(), g.peers()))
                  .toList()));
      out.flush();
      return answers.report(spec.commandLine().getErr());
    }
    Table table = new Table("IFACE", "PEER", "ENDPOINT", "HANDSHAKE", "SENT", "RECEIVED", "OWNS");
    long now = System.currentTimeMillis() / 1000;
    for (GatewayView gateway : gateways) {
      for (PeerView peer : gateway.peers()) {
        table.row(
            gateway.interfaceName(),
            peer.label(),
            Objects.requireNonNullElse(peer.endpoint(), "-"),
            Units.ago(peer.lastHandshake(), now),
            Units.bytes(peer.txBytes()),
            Units.bytes(peer.rxBytes()),
            Units.few(peer.allowedIps()));
      }
    }
    table.print(out);
    return answers.report(spec.commandLine().getErr());
  }

  /** One interface's peers, in JSON. */
  private record InterfacePeers(String interfaceName, List<PeerView> peers) {}
}
