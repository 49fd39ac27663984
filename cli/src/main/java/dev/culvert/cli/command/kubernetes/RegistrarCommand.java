// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.kubernetes;

import ch.qos.logback.classic.Level;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.cli.command.LogOption;
import dev.culvert.cli.command.Signals;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.registrar.RangeKind;
import dev.culvert.cluster.registrar.Registrar;
import dev.culvert.cluster.registrar.RegistrarConfig;
import dev.culvert.cluster.registrar.RegistrarRun;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import dev.culvert.routing.Prefix;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code culvert registrar}. */
@Command(
    name = "registrar",
    description = {
      "Decides which nodes of a cluster are believed, and writes that into their CulvertNodes.",
      "Run two or three, on control-plane nodes only: one of them leads. While none runs, all that"
          + " was accepted stays, and new nodes wait."
    })
public final class RegistrarCommand implements Callable<Integer> {
  private static final EventLog log = EventLog.of(RegistrarCommand.class);

  private final Machine machine;

  @Mixin private ServerOptions server;

  @Option(
      names = "--pod-ranges",
      paramLabel = "FROM",
      defaultValue = "${env:CULVERT_POD_RANGES:-auto}",
      description =
          "The objects that tell the pods' ranges: auto, nodes, calico, cilium or pods. Default:"
              + " CULVERT_POD_RANGES, auto.")
  private RangeKind podRanges;

  @Option(
      names = "--cluster-cidrs",
      paramLabel = "RANGES",
      split = ",",
      defaultValue = "${env:CULVERT_CLUSTER_CIDRS}",
      description = "Ranges of all pods, as gateways have them. Default: CULVERT_CLUSTER_CIDRS.")
  private @Nullable List<String> clusterCidrs;

  @Option(
      names = "--node-cidrs",
      paramLabel = "RANGES",
      split = ",",
      defaultValue = "${env:CULVERT_NODE_CIDRS}",
      description = "Ranges of all nodes' addresses. Default: CULVERT_NODE_CIDRS.")
  private @Nullable List<String> nodeCidrs;

  @Option(
      names = "--service-cidrs",
      paramLabel = "RANGES",
      split = ",",
      defaultValue = "${env:CULVERT_SERVICE_CIDRS}",
      description =
          "Ranges of the services' addresses, which no node has. Default: CULVERT_SERVICE_CIDRS.")
  private @Nullable List<String> serviceCidrs;

  @Option(
      names = "--replica",
      paramLabel = "NAME",
      defaultValue = "${env:CULVERT_NODE_NAME:-registrar}",
      description = "The name of this replica in the Lease. Default: CULVERT_NODE_NAME.")
  private String replica;

  @Mixin private LogOption logOption;

  public RegistrarCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    logOption.begin(Level.INFO);
    KubernetesConfig access = server.access();
    Registrar.Settings settings =
        new Registrar.Settings(
            ServerOptions.parsed(nodeCidrs, Prefix::parse),
            ServerOptions.parsed(serviceCidrs, Prefix::parse),
            server.servers(),
            ServerOptions.parsed(clusterCidrs, Prefix::parse));
    if (settings.podNetworks().isEmpty()) {
      log.warn(
          LogEvent.CONFIG_WARNING,
          "without --cluster-cidrs a node that was taken over can claim any range as its pods'");
    }
    RegistrarConfig config =
        new RegistrarConfig(replica, RegistrarConfig.NAMESPACE, podRanges, settings);
    CountDownLatch end = new CountDownLatch(1);
    Signals.onEnd(end::countDown);
    try (KubeApi api = machine.cluster().open(access);
        RegistrarRun running = RegistrarRun.start(api, config)) {
      end.await();
      log.info(LogEvent.REGISTRAR_ENDED, "the registrar ends: {}", running.stats());
    }
    return ExitCode.OK;
  }
}
