package dev.culvert.cli.command;

import dev.culvert.cli.admin.GatewayView;
import dev.culvert.cli.admin.GatewayView.TrafficView;
import dev.culvert.cli.daemon.Machine;
import dev.culvert.tunnel.kernel.TunQueues;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Whether anybody but a gateway itself reads what pods send: a process that joins the queues of its
 * TUN device gets some of the flows in clear.
 */
final class QueueCheck {
  private static final String SUBJECT = "TUN queues";

  private final Machine machine;
  private final List<String> sound = new ArrayList<>();
  private final List<String> faults = new ArrayList<>();

  QueueCheck(Machine machine) {
    this.machine = machine;
  }

  Finding finding() {
    try {
      for (GatewayView gateway : new Gateways(machine).ask(null)) {
        look(gateway);
      }
    } catch (IOException | CommandException e) {
      return Finding.warn(SUBJECT, "cannot be counted: " + e.getMessage(), "run as root");
    }
    if (!faults.isEmpty()) {
      return Finding.fail(
          SUBJECT,
          String.join("; ", faults),
          "lsof /dev/net/tun shows who has it open; end what is not Culvert, then start the gateway"
              + " anew");
    }
    return Finding.ok(SUBJECT, sound.isEmpty() ? "no tunnel runs here" : String.join(", ", sound));
  }

  private void look(GatewayView gateway) throws IOException {
    String name = gateway.interfaceName();
    // A tunnel of another network namespace has no device here.
    TunQueues queues = machine.network().tunQueues(name).orElse(null);
    if (queues == null) {
      return;
    }
    TrafficView traffic = gateway.traffic();
    if (!queues.owned()) {
      faults.add(name + " has no owner: any local user may join its queues");
    } else if (traffic != null && queues.count() > traffic.lanes()) {
      faults.add(name + " has " + queues.count() + " queues for " + traffic.lanes() + " lanes");
    } else {
      sound.add(name);
    }
  }
}
