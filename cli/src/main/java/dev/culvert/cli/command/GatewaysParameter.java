// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.GatewayView;
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
  public List<GatewayView> ask(Machine machine) throws IOException, CommandException {
    return new Gateways(machine).ask(interfaceName);
  }
}
