// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.registrar.RangeSource.Known;
import dev.culvert.cluster.registrar.RangeSource.Ranges;
import dev.culvert.cluster.registrar.RangeSource.Unknown;
import dev.culvert.cluster.resource.CiliumNode;
import dev.culvert.cluster.resource.Node;
import dev.culvert.cluster.resource.Pod;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The sources of ranges, by the CNI's way to hand out addresses. */
public final class RangeSources {
  private static final Set<String> ENDED = Set.of("Succeeded", "Failed");

  private RangeSources() {}

  /** {@code spec.podCIDRs} of each Node: kubenet, kindnet, flannel, host-local. */
  public static RangeSource nodes() {
    return node -> {
      Node.Spec spec = node.spec();
      List<String> cidrs =
          spec == null
              ? List.of()
              : spec.podCIDRs().isEmpty() && spec.podCIDR() != null
                  ? List.of(spec.podCIDR())
                  : spec.podCIDRs();
      return cidrs.isEmpty()
          ? new Unknown("NoPodCIDRs", "the Node " + name(node) + " has no spec.podCIDRs yet")
          : parse(cidrs, "spec.podCIDRs of the Node " + name(node));
    };
  }

  /** {@code spec.ipam.podCIDRs} of each CiliumNode: Cilium's cluster-pool. */
  public static RangeSource ciliumNodes(Collection<CiliumNode> nodes) {
    Map<String, List<String>> cidrs = new HashMap<>();
    for (CiliumNode node : nodes) {
      CiliumNode.Spec spec = node.spec();
      CiliumNode.Ipam ipam = spec == null ? null : spec.ipam();
      cidrs.put(node.metadata().name(), ipam == null ? List.of() : ipam.podCIDRs());
    }
    return node -> {
      List<String> own = cidrs.getOrDefault(name(node), List.of());
      return own.isEmpty()
          ? new Unknown(
              "NoCiliumRanges", "the CiliumNode " + name(node) + " has no spec.ipam.podCIDRs yet")
          : parse(own, "spec.ipam.podCIDRs of the CiliumNode " + name(node));
    };
  }

  /**
   * The addresses of Pods: AWS's and Azure's CNI, and every other one. Neighbouring addresses of
   * one node become one range, and a range holds no address that is not one of its node's pods.
   */
  public static RangeSource pods(Collection<Pod> pods) {
    Map<String, List<IpAddress>> addresses = new HashMap<>();
    Map<String, Unknown> wrong = new HashMap<>();
    for (Pod pod : pods) {
      Pod.Spec spec = pod.spec();
      Pod.Status status = pod.status();
      if (spec == null || status == null || !ownsAddresses(spec, status)) {
        continue;
      }
      List<IpAddress> own = addresses.computeIfAbsent(spec.nodeName(), node -> new ArrayList<>());
      for (Pod.PodIp ip : status.podIPs()) {
        try {
          own.add(IpAddress.parse(ip.ip()));
        } catch (IllegalArgumentException e) {
          wrong.putIfAbsent(
              spec.nodeName(),
              invalid("status.podIPs of the Pod " + pod.metadata().name() + ": " + e.getMessage()));
        }
      }
    }
    Map<String, Known> known = new HashMap<>();
    addresses.forEach((node, own) -> known.put(node, new Known(Addresses.asRanges(own))));
    return node -> {
      Unknown error = wrong.get(name(node));
      return error != null ? error : known.getOrDefault(name(node), new Known(List.of()));
    };
  }

  private static boolean ownsAddresses(Pod.Spec spec, Pod.Status status) {
    return !spec.nodeName().isEmpty()
        && !Boolean.TRUE.equals(spec.hostNetwork())
        && !ENDED.contains(status.phase());
  }

  static Ranges parse(List<String> cidrs, String place) {
    List<Prefix> ranges = new ArrayList<>();
    for (String cidr : cidrs) {
      try {
        ranges.add(Prefix.parse(cidr));
      } catch (IllegalArgumentException e) {
        return invalid(place + ": " + e.getMessage());
      }
    }
    return new Known(ranges);
  }

  static Unknown invalid(String message) {
    return new Unknown("InvalidRange", message);
  }

  private static String name(Node node) {
    return node.metadata().name();
  }
}
