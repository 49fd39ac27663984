package dev.culvert.cli;

import dev.culvert.cli.command.RootCommand;
import dev.culvert.cli.daemon.GatewayDevice;
import dev.culvert.cli.daemon.KernelNetwork;
import dev.culvert.cli.daemon.Machine;
import dev.culvert.tunnel.gateway.EspGateway;
import dev.culvert.tunnel.gateway.Preparation;
import java.util.List;

/** The {@code culvert} command on this machine. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    if (arguments.length > 0 && List.of("wg", "up").contains(arguments[0])) {
      Preparation.start();
    }
    Machine machine = Machine.local(GatewayDevice::open, EspGateway::open, new KernelNetwork());
    boolean debug = "1".equals(System.getenv("CULVERT_DEBUG"));
    System.exit(RootCommand.commandLine(machine, debug, arguments).execute(arguments));
  }
}
