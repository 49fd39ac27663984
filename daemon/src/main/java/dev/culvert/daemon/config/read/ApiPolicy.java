// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.cluster.ClusterSnapshot.ClusterPolicy;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.routing.Exemption;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.IpProtocol;
import dev.culvert.routing.NodeSelector;
import dev.culvert.routing.Prefix;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Joins the policy and the exemptions of the API with those of the configuration file. */
final class ApiPolicy {
  private ApiPolicy() {}

  /**
   * Applies the policy and the exemptions that were read, in place of those of the file. Both
   * sources' ranges of the cluster count. The control plane stays exempt whatever the API says: a
   * node that lost its keys could not ask it otherwise.
   *
   * @param exemptInFile whether the file has exemptions of its own
   * @param cluster with the file's policy; changed
   * @param leftOut told of each exemption that cannot be used, and of ranges in which no node can
   *     join, with the reason
   */
  static void apply(
      ClusterSnapshot snapshot,
      KubernetesConfig config,
      boolean exemptInFile,
      ClusterBuilder cluster,
      Consumer<String> leftOut) {
    ClusterPolicy policy = snapshot.policy();
    if (policy != null) {
      cluster.clusterCidrs.addAll(policy.clusterCidrs());
      cluster.encrypted.clear();
      cluster.encrypted.addAll(policy.encrypted());
      cluster.strictEgress = policy.strictEgress();
      cluster.strictIngress = policy.strictIngress();
      policy.clusterCidrs().stream()
          .filter(cidr -> cluster.nodeCidrs.stream().anyMatch(r -> isWithin(cidr, r)))
          .forEach(cidr -> leftOut.accept(withoutNodes(cidr)));
    }
    if (config.nodeCidrs().isEmpty()) {
      config.controlPlane().stream()
          .filter(at -> cluster.clusterCidrs.stream().anyMatch(cidr -> cidr.contains(at)))
          .findFirst()
          .ifPresent(at -> leftOut.accept(closedToNewNodes(at)));
    }
    List<Exemption> ofApi = snapshot.exemptions();
    cluster.exemptions =
        exemptions(
            config, ofApi != null ? ofApi : exemptInFile ? cluster.exemptions : List.of(), leftOut);
  }

  /** The control plane's exemption and the others that do not have its name. */
  private static List<Exemption> exemptions(
      KubernetesConfig config, List<Exemption> others, Consumer<String> leftOut) {
    Exemption bootstrap =
        new Exemption(
            KubernetesConfig.CONTROL_PLANE,
            NodeSelector.role(KubernetesConfig.CONTROL_PLANE),
            IpProtocol.TCP,
            config.exemptPorts(),
            !config.nodeCidrs().isEmpty());
    List<Exemption> all = new ArrayList<>(List.of(bootstrap));
    for (Exemption exemption : others) {
      if (exemption.name().equals(bootstrap.name())) {
        leftOut.accept(
            "the exemption "
                + exemption.name()
                + " is left out: that is the name of the control plane's own");
      } else {
        all.add(exemption);
      }
    }
    return all;
  }

  private static String closedToNewNodes(IpAddress server) {
    return "clusterCIDRs holds "
        + server
        + " of controlPlane, and nodeCIDRs is empty: nodes that are not known yet cannot reach it;"
        + " name the nodes' networks in nodeCIDRs too";
  }

  private static boolean isWithin(Prefix cidr, Prefix nodes) {
    return nodes.contains(cidr) && !nodes.equals(cidr);
  }

  private static String withoutNodes(Prefix cidr) {
    return cidr
        + " of the policy's clusterCIDRs is inside of nodeCIDRs: new nodes there do not join; name"
        + " the networks of nodes alone in nodeCIDRs";
  }
}
