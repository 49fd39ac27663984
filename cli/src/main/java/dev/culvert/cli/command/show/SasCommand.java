// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.Gateways;
import dev.culvert.cli.command.GatewaysParameter;
import dev.culvert.cli.command.OutputOption;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.EspView;
import dev.culvert.daemon.admin.EspView.PairView;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.Json;
import dev.culvert.daemon.admin.SaView;
import dev.culvert.daemon.admin.Units;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert sas}. */
@Command(
    name = "sas",
    description = {
      "Lists ESP security associations, as 'swanctl --list-sas' and 'ip -s xfrm state' do:",
      "those in use both ways, how much of their sequence numbers is used, and how far the"
          + " rotation of the global key is."
    })
public final class SasCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private GatewaysParameter which;

  @Mixin private OutputOption output;

  public SasCommand(Machine machine) {
    this.machine = machine;
  }

  /** The SAs of one interface, in JSON. */
  private record InterfaceSas(String interfaceName, @Nullable EspView esp) {}

  @Override
  public Integer call() throws IOException, CommandException {
    PrintWriter out = spec.commandLine().getOut();
    Gateways.Answers answers = which.ask(machine);
    List<GatewayView> gateways =
        answers.gateways().stream().filter(gateway -> gateway.esp() != null).toList();
    if (output.json()) {
      out.println(
          Json.pretty(
              gateways.stream().map(g -> new InterfaceSas(g.interfaceName(), g.esp())).toList()));
    } else if (gateways.isEmpty() && answers.refusals().isEmpty()) {
      out.println("no ESP gateway is running");
    } else {
      Table table =
          new Table(
              "IFACE",
              "PEER",
              "DIR",
              "SPI",
              "ALGORITHM",
              "ESN",
              "KEY",
              "AGE",
              "SEQUENCE",
              "USED",
              "PACKETS",
              "BYTES",
              "REPLAYED");
      gateways.forEach(gateway -> rows(table, gateway));
      table.print(out);
      gateways.forEach(gateway -> rotation(out, gateway));
    }
    out.flush();
    return answers.report(spec.commandLine().getErr());
  }

  private static void rows(Table table, GatewayView gateway) {
    EspView esp = gateway.esp();
    if (esp == null) {
      return;
    }
    for (SaView sa : esp.securityAssociations()) {
      table.row(
          gateway.interfaceName(),
          sa.peer(),
          sa.direction(),
          sa.spi(),
          sa.algorithm(),
          sa.esn() ? "yes" : "no",
          sa.key(),
          Units.age(sa.ageSeconds()),
          sa.sequence(),
          String.format(Locale.ROOT, "%.1f %%", 100 * sa.used()),
          Long.toString(sa.packets()),
          Units.bytes(sa.bytes()),
          Long.toString(sa.replayErrors()));
    }
  }

  private static void rotation(PrintWriter out, GatewayView gateway) {
    EspView.GlobalKeyView key = gateway.esp() == null ? null : gateway.esp().globalKey();
    if (key == null) {
      return;
    }
    out.printf(
        Locale.ROOT,
        "%n%s publishes key %d, has %s%n",
        gateway.interfaceName(),
        key.published(),
        key.held());
    for (PairView pair : key.peers()) {
      out.printf(Locale.ROOT, "  %s %s%n", pair.peer(), state(pair));
    }
    if (key.refusal() != null) {
      out.println("  the key file as it is now is not in use: " + key.refusal());
    }
  }

  private static String state(PairView pair) {
    if (pair.difference() != null) {
      return "has no keys with us: " + pair.difference();
    }
    return pair.peerPublished() == 0
        ? "was not heard of yet"
        : "publishes key " + pair.peerPublished() + ", keys in use come from " + pair.sendsUnder();
  }
}
