// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import dev.culvert.cli.command.Gateways;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.steer.QueueState;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The queues of all gateways that run here, see {@link QueueState}. */
public final class QueueCheck {
  private static final String SUBJECT = "TUN queues";

  private final Machine machine;
  private final List<String> sound = new ArrayList<>();
  private final List<String> faults = new ArrayList<>();

  public QueueCheck(Machine machine) {
    this.machine = machine;
  }

  public Finding finding() {
    List<String> refusals;
    try {
      Gateways.Answers answers = new Gateways(machine).askAllowed();
      for (GatewayView gateway : answers.gateways()) {
        look(gateway);
      }
      refusals = answers.refusals();
    } catch (IOException e) {
      return Finding.warn(SUBJECT, "cannot be counted: " + e.getMessage(), "run as root");
    }
    if (!faults.isEmpty()) {
      return Finding.fail(
          SUBJECT,
          String.join("; ", faults),
          "lsof /dev/net/tun shows who has it open; end each process that is not Culvert's, then"
              + " start the gateway anew");
    }
    if (!refusals.isEmpty()) {
      return Finding.warn(SUBJECT, String.join("; ", refusals), "run as root");
    }
    return Finding.ok(SUBJECT, sound.isEmpty() ? "no tunnel runs here" : String.join(", ", sound));
  }

  private void look(GatewayView gateway) throws IOException {
    QueueState state = QueueState.of(gateway, machine.network());
    if (!state.fault().isEmpty()) {
      faults.add(state.fault());
    } else if (state.here()) {
      sound.add(gateway.interfaceName());
    }
  }
}
