// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.show;

import static dev.culvert.tunnel.lane.LaneCounter.PACKETS_DELIVERED;
import static dev.culvert.tunnel.lane.LaneCounter.PACKETS_SENT;
import static dev.culvert.tunnel.lane.LaneCounter.TRAINS_RECEIVED;
import static dev.culvert.tunnel.lane.LaneCounter.TRAINS_SENT;

import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.Gateways;
import dev.culvert.cli.command.GatewaysParameter;
import dev.culvert.cli.command.OutputOption;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.ControlPlaneView;
import dev.culvert.daemon.admin.EspView;
import dev.culvert.daemon.admin.EspView.GlobalKeyView;
import dev.culvert.daemon.admin.EspView.NoticeView;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.GatewayView.TrafficView;
import dev.culvert.daemon.admin.Json;
import dev.culvert.daemon.admin.NameView;
import dev.culvert.daemon.admin.Units;
import dev.culvert.daemon.admin.UpgradeView;
import dev.culvert.tunnel.lane.LaneCounter;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert status}. */
@Command(
    name = "status",
    description = "Shows each gateway's state, and the packets that it moved and dropped.")
public final class StatusCommand implements Callable<Integer> {
  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private GatewaysParameter which;

  @Mixin private OutputOption output;

  public StatusCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws IOException, CommandException {
    PrintWriter out = spec.commandLine().getOut();
    Gateways.Answers answers = which.ask(machine);
    if (output.json()) {
      out.println(Json.pretty(answers.gateways()));
    } else if (answers.isNone()) {
      out.println("no gateway is running; 'culvert up FILE' starts one");
    } else {
      answers.gateways().forEach(gateway -> print(out, gateway));
    }
    out.flush();
    return answers.report(spec.commandLine().getErr());
  }

  private static void print(PrintWriter out, GatewayView gateway) {
    out.println(gateway.interfaceName());
    boolean handshakes = gateway.esp() == null || gateway.publicKey() != null;
    if (gateway.esp() != null) {
      line(out, "engine", gateway.engine());
    }
    if (handshakes) {
      line(out, "public key", Objects.requireNonNullElse(gateway.publicKey(), "none"));
    }
    line(out, "UDP port", gateway.listenPort() == 0 ? "none" : "" + gateway.listenPort());
    if (gateway.fwmark() != 0) {
      line(out, "mark", "0x" + Long.toHexString(gateway.fwmark()));
    }
    if (gateway.configFile() != null) {
      line(out, "configuration", gateway.configFile());
    }
    long met = gateway.peers().stream().filter(peer -> peer.lastHandshake() != null).count();
    String proof = handshakes ? " with a handshake" : " with keys to send under";
    line(out, "peers", gateway.peers().size() + ", " + met + proof);
    if (gateway.upgrade() != null) {
      upgrade(out, gateway.upgrade());
    }
    for (NameView name : gateway.names()) {
      String trouble = name.trouble();
      if (trouble != null) {
        line(out, "name", trouble);
      }
    }
    if (gateway.controlPlane() != null) {
      controlPlane(out, gateway.controlPlane());
    }
    if (gateway.esp() != null) {
      esp(out, gateway.esp());
    }
    if (gateway.traffic() != null) {
      traffic(out, gateway.traffic());
    }
  }

  private static void upgrade(PrintWriter out, UpgradeView upgrade) {
    if (upgrade.failure() == null) {
      line(out, "upgrade", "process " + upgrade.process() + " is about to take over");
    } else {
      line(out, "not upgraded", upgrade.failure());
    }
  }

  private static void controlPlane(PrintWriter out, ControlPlaneView plane) {
    String phase = Objects.requireNonNullElse(plane.phase(), "not published yet");
    line(out, "node", plane.node() + ", " + phase);
    line(out, "control plane", plane.nodes() + " nodes, " + age(plane));
    if (plane.registrar() != null) {
      line(out, "registrar", plane.registrar());
    }
    if (plane.failures() != 0) {
      line(out, "API failures", "" + plane.failures());
    }
    plane.troubles().forEach(trouble -> line(out, "warning", trouble));
  }

  private static String age(ControlPlaneView plane) {
    String from = plane.synced() || plane.nodes() == 0 ? "" : "from disk, ";
    Long age = plane.ageSeconds();
    return from + (age == null ? "not heard since the start" : "heard " + Units.age(age) + " ago");
  }

  private static void esp(PrintWriter out, EspView esp) {
    line(out, "keying", esp.keying() + (esp.esn() ? ", ESN" : ", without ESN"));
    GlobalKeyView key = esp.globalKey();
    if (key != null) {
      line(out, "key file", key.file());
      line(out, "global key", "publishes " + key.published() + ", has " + key.held());
      if (key.refusal() != null) {
        line(out, "not in use", key.refusal());
      }
    }
    for (NoticeView notice : esp.notices()) {
      line(out, notice.warning() ? "warning" : "notice", notice.message());
    }
  }

  private static void traffic(PrintWriter out, TrafficView traffic) {
    line(out, "MTU", "" + traffic.mtu());
    line(out, "lanes", "" + traffic.lanes());
    line(out, "cipher", traffic.cipher());
    line(
        out,
        "offloads",
        traffic.offloads().isEmpty() ? "none" : String.join(", ", traffic.offloads()));
    traffic.offloadsOff().forEach((offload, why) -> line(out, "offload off", offload + ": " + why));
    line(out, "sent", packets(traffic, PACKETS_SENT, TRAINS_SENT));
    line(out, "delivered", packets(traffic, PACKETS_DELIVERED, TRAINS_RECEIVED));
    traffic.drops().forEach((reason, packets) -> line(out, "dropped", packets + " " + reason));
  }

  private static String packets(TrafficView traffic, LaneCounter sum, LaneCounter inTrains) {
    long packets = traffic.count(sum);
    long trains = traffic.count(inTrains);
    String mean =
        trains == 0
            ? ""
            : String.format(Locale.ROOT, ", %.1f per train", (double) packets / trains);
    return packets + " packets" + mean;
  }

  private static void line(PrintWriter out, String label, String value) {
    out.printf(Locale.ROOT, "  %-14s %s%n", label, value);
  }
}
