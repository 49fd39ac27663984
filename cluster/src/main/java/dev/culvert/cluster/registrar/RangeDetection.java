// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.Node;
import dev.culvert.cluster.resource.Pod;
import dev.culvert.cluster.resource.ResourceKind;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Finds out which objects tell the ranges of the nodes' pods, if no setting says it. A wrong guess
 * would give a node ranges that are not its pods', so as long as nothing is sure the registrar
 * waits.
 */
final class RangeDetection {
  private static final int PAGE = 500;

  private final KubeApi api;

  RangeDetection(KubeApi api) {
    this.api = api;
  }

  /**
   * The outcome of a search.
   *
   * @param kind null if it is not sure yet
   */
  record Finding(@Nullable RangeKind kind, String why) {}

  Finding find() throws KubeException {
    Boolean calico = any(ResourceKind.CALICO_BLOCKS, block -> true);
    if (Boolean.TRUE.equals(calico)) {
      return new Finding(RangeKind.CALICO, "there are IPAMBlocks of Calico");
    }
    if (Boolean.TRUE.equals(any(ResourceKind.CILIUM_NODES, node -> true))) {
      return new Finding(RangeKind.CILIUM, "there are CiliumNodes");
    }
    if (calico != null) {
      return new Finding(
          null, "Calico is installed and has no IPAMBlock yet: say whose ranges count, or wait");
    }
    return nodesOrPods();
  }

  /**
   * A kubelet can write podCIDRs into its own Node, and addresses into its own Pods, so one Node
   * alone decides nothing.
   */
  private Finding nodesOrPods() throws KubeException {
    Set<String> all = new HashSet<>();
    Set<String> withCidrs = new HashSet<>();
    each(
        ResourceKind.NODES,
        node -> {
          String name = node.metadata().name();
          all.add(name);
          if (hasCidr(node)) {
            withCidrs.add(name);
          }
        });
    if (2 * withCidrs.size() > all.size()) {
      return new Finding(
          RangeKind.NODES, "%d of %d Nodes have podCIDRs".formatted(withCidrs.size(), all.size()));
    }
    Set<String> withPodsAlone = new HashSet<>();
    each(
        ResourceKind.PODS,
        pod -> {
          Pod.Spec spec = pod.spec();
          if (spec != null && hasAddress(pod) && !withCidrs.contains(spec.nodeName())) {
            withPodsAlone.add(spec.nodeName());
          }
        });
    String votes =
        "%d of %d Nodes have podCIDRs, and %d others have Pods with addresses"
            .formatted(withCidrs.size(), all.size(), withPodsAlone.size());
    return withPodsAlone.size() > withCidrs.size()
        ? new Finding(RangeKind.PODS, votes)
        : new Finding(null, votes + ": say whose ranges count (podRanges), or wait");
  }

  private static boolean hasCidr(Node node) {
    Node.Spec spec = node.spec();
    return spec != null && (spec.podCIDR() != null || !spec.podCIDRs().isEmpty());
  }

  private static boolean hasAddress(Pod pod) {
    Pod.Spec spec = pod.spec();
    Pod.Status status = pod.status();
    return spec != null
        && status != null
        && !Boolean.TRUE.equals(spec.hostNetwork())
        && !status.podIPs().isEmpty();
  }

  private <T extends KubeObject> void each(ResourceKind<T> kind, Consumer<T> action)
      throws KubeException {
    any(
        kind,
        object -> {
          action.accept(object);
          return false;
        });
  }

  /** Whether an object of this kind is like that; null if the API does not serve the kind. */
  private <T extends KubeObject> @Nullable Boolean any(ResourceKind<T> kind, Predicate<T> predicate)
      throws KubeException {
    String next = null;
    try {
      do {
        KubeApi.Page<T> page = api.list(kind, new KubeApi.ListQuery(null, PAGE, next, null));
        List<T> items = page.items();
        if (items.stream().anyMatch(predicate)) {
          return true;
        }
        next = page.next();
      } while (next != null);
      return false;
    } catch (KubeException e) {
      if (e.code() == KubeException.NOT_FOUND) {
        return null;
      }
      throw e;
    }
  }
}
