// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.kubernetes;

import dev.culvert.cli.command.ApiOptions;
import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.cli.command.OutputOption;
import dev.culvert.cli.command.show.Table;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeApi.ListQuery;
import dev.culvert.cluster.kube.KubeApi.Page;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.Json;
import dev.culvert.daemon.admin.PeerView;
import dev.culvert.daemon.admin.Units;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert nodes}. */
@Command(
    name = "nodes",
    description = {
      "Lists the cluster's nodes: whether each is accepted, its key, its ranges, and its faults.",
      "If a gateway runs here, also the time of the last handshake with each."
    })
public final class NodesCommand implements Callable<Integer> {
  private static final int PAGE = 500;

  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private ApiOptions api;

  @Mixin private OutputOption output;

  public NodesCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    GatewayView gateway = ApiOptions.gateway(machine);
    List<CulvertNode> nodes;
    try (KubeApi opened = api.open(machine, gateway)) {
      nodes = all(opened);
    } catch (KubeException e) {
      throw new CommandException(
          ExitCode.FAILED,
          "the Kubernetes API cannot be asked: "
              + e.getMessage()
              + "; 'culvert peers' shows the nodes that the gateway knows");
    }
    Map<String, Long> handshakes = new HashMap<>();
    for (PeerView peer : gateway == null ? List.<PeerView>of() : gateway.peers()) {
      if (peer.lastHandshake() != null) {
        handshakes.put(peer.label(), peer.lastHandshake());
      }
    }
    List<NodeView> views =
        nodes.stream()
            .map(node -> NodeView.of(node, handshakes.get(node.metadata().name())))
            .toList();
    print(views, gateway);
    return ExitCode.OK;
  }

  private static List<CulvertNode> all(KubeApi api) throws KubeException {
    List<CulvertNode> all = new ArrayList<>();
    String next = null;
    do {
      Page<CulvertNode> page =
          api.list(ResourceKind.CULVERT_NODES, new ListQuery(null, PAGE, next, null));
      all.addAll(page.items());
      next = page.next();
    } while (next != null);
    return all;
  }

  private void print(List<NodeView> views, @Nullable GatewayView gateway) {
    PrintWriter out = spec.commandLine().getOut();
    if (output.json()) {
      out.println(Json.pretty(views));
      out.flush();
      return;
    }
    Table table =
        new Table("NODE", "PHASE", "ENGINE", "KEY", "ESP KEY", "RANGES", "HANDSHAKE", "REASON");
    long now = System.currentTimeMillis() / 1000;
    String self = ApiOptions.node(gateway);
    for (NodeView view : views) {
      table.row(
          view.name(),
          view.phase(),
          view.engine(),
          view.publicKey() == null ? "-" : view.publicKey(),
          view.espKeyId() == 0 ? "-" : "" + view.espKeyId(),
          Units.few(view.ranges()),
          gateway == null || view.name().equals(self) ? "-" : Units.ago(view.lastHandshake(), now),
          view.reasons().isEmpty() ? "-" : String.join("; ", view.reasons()));
    }
    table.print(out);
  }
}
