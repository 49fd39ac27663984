// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.daemon.Machine;
import java.io.IOException;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import picocli.CommandLine.Parameters;

/** {@code IFACE...}: some gateways; without one, all that run here or whose guard stands. */
public final class GatewayList {
  @Parameters(
      arity = "0..*",
      paramLabel = "IFACE",
      converter = InterfaceNameConverter.class,
      description = "Only of these; otherwise of all that run or whose guard stands.")
  private List<String> interfaceNames = List.of();

  /**
   * The names.
   *
   * @throws CommandException if one that was given neither runs nor guards
   */
  public SortedSet<String> names(Machine machine) throws IOException, CommandException {
    Gateways gateways = new Gateways(machine);
    if (interfaceNames.isEmpty()) {
      SortedSet<String> all = new TreeSet<>(gateways.names());
      all.addAll(machine.runState().names());
      return all;
    }
    for (String name : interfaceNames) {
      if (!gateways.isRunning(name) && !machine.runState().exists(name)) {
        throw CommandException.notRunning(machine, name);
      }
    }
    return new TreeSet<>(interfaceNames);
  }
}
