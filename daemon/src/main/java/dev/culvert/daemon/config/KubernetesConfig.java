// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

import dev.culvert.cluster.registrar.RangeKind;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Discovery through the Kubernetes API.
 *
 * @param controlPlane addresses of the API servers and of etcd, known without the API
 * @param exemptPorts ports of TCP on which they are reached in clear, the API server's among them
 * @param nodeCidrs ranges that hold the addresses of all nodes and of no pod; empty if that is not
 *     said
 * @param kubeconfig null: the service account of the pod that the gateway runs in
 * @param registrar that the gateway runs too if its node is one of the control plane; null if
 *     registrars run by themselves
 */
public record KubernetesConfig(
    List<IpAddress> controlPlane,
    int apiServerPort,
    List<PortRange> exemptPorts,
    List<Prefix> nodeCidrs,
    @Nullable Path kubeconfig,
    @Nullable EmbeddedRegistrar registrar)
    implements DiscoveryConfig {
  /**
   * A registrar inside of the gateway.
   *
   * @param podRanges the objects that tell the ranges of the nodes' pods
   * @param serviceCidrs ranges of the services' addresses
   */
  public record EmbeddedRegistrar(RangeKind podRanges, List<Prefix> serviceCidrs) {
    public EmbeddedRegistrar {
      serviceCidrs = List.copyOf(serviceCidrs);
    }
  }

  /** The role of the nodes that run the API server. */
  public static final String CONTROL_PLANE = "control-plane";

  public static final int API_SERVER_PORT = 6443;

  public KubernetesConfig {
    controlPlane = List.copyOf(controlPlane);
    exemptPorts = List.copyOf(exemptPorts);
    nodeCidrs = List.copyOf(nodeCidrs);
  }

  /**
   * For those who only ask the API: no gateway, no registrar.
   *
   * @param controlPlane empty: those that the access itself names
   */
  public static KubernetesConfig ofAccess(
      List<IpAddress> controlPlane, int apiServerPort, @Nullable Path kubeconfig) {
    return new KubernetesConfig(
        controlPlane, apiServerPort, List.of(), List.of(), kubeconfig, null);
  }

  @Override
  public String source() {
    return "the Kubernetes API";
  }
}
