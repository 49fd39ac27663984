// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.daemon.Machine;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Parameters;

/** {@code IFACE}: one gateway; without it, all that run here. */
public final class GatewaysParameter {
  @Parameters(
      arity = "0..1",
      paramLabel = "IFACE",
      converter = InterfaceNameConverter.class,
      description = "Only of this one.")
  private @Nullable String interfaceName;

  /** The gateways' answers about their state. */
  public Gateways.Answers ask(Machine machine) throws IOException, CommandException {
    Gateways gateways = new Gateways(machine);
    return interfaceName == null
        ? gateways.askAllowed()
        : new Gateways.Answers(List.of(gateways.ask(interfaceName)), List.of());
  }
}
