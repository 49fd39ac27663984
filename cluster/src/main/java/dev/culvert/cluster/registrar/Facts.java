// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.resource.Node;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The facts about a node that others than its daemon tell: the Node and the cluster's IPAM.
 *
 * <p>Of a Node's addresses only those of type InternalIP are facts. Its kubelet can write any
 * address there, so each is a claim like others: another node's, a service's or, except on
 * control-plane nodes, an API server's address is refused. An ExternalIP is often not on the node
 * at all, and nothing limits which one a kubelet writes.
 *
 * @param addresses null if they are not known
 * @param ranges null if they are not known
 * @param roles null if there are too many
 * @param labels null if there are too many
 * @param problem why a fact is missing, or null
 */
record Facts(
    @Nullable List<IpAddress> addresses,
    @Nullable List<Prefix> ranges,
    @Nullable List<String> roles,
    @Nullable Map<String, String> labels,
    @Nullable Problem problem) {
  static final int MAX_RANGES = 512;
  static final int MAX_ADDRESSES = 16;
  static final int MAX_ROLES = 16;
  static final int MAX_LABELS = 64;

  private static final String ROLE = "node-role.kubernetes.io/";
  private static final String RESTRICTED = "node-restriction.kubernetes.io/";
  private static final String CONTROL_PLANE = "control-plane";
  private static final String INTERNAL_IP = "InternalIP";

  /**
   * Why a fact is missing.
   *
   * @param reason one word in CamelCase
   */
  record Problem(String reason, String message) {}

  static Facts of(Node node, RangeSource source) {
    List<Problem> problems = new ArrayList<>();
    List<IpAddress> addresses = addresses(node, problems);
    RangeSource.Ranges found = source.of(node);
    List<Prefix> ranges = null;
    switch (found) {
      case RangeSource.Known known -> {
        ranges = known.ranges();
        limit("Ranges", ranges.size(), MAX_RANGES, problems);
      }
      case RangeSource.Unknown unknown ->
          problems.add(new Problem(unknown.reason(), unknown.message()));
    }
    List<String> roles = roles(node);
    Map<String, String> labels = labels(node);
    boolean rolesFit = limit("Roles", roles.size(), MAX_ROLES, problems);
    boolean labelsFit = limit("Labels", labels.size(), MAX_LABELS, problems);
    return new Facts(
        addresses,
        ranges,
        rolesFit ? roles : null,
        labelsFit ? labels : null,
        problems.isEmpty() ? null : problems.getFirst());
  }

  private static boolean limit(String things, int count, int most, List<Problem> problems) {
    if (count > most) {
      problems.add(
          new Problem(
              "TooMany" + things,
              count + " " + things.toLowerCase(java.util.Locale.ROOT) + ", at most " + most));
    }
    return count <= most;
  }

  private static @Nullable List<IpAddress> addresses(Node node, List<Problem> problems) {
    Node.Status status = node.status();
    List<IpAddress> addresses = new ArrayList<>();
    for (Node.Address address : status == null ? List.<Node.Address>of() : status.addresses()) {
      if (!INTERNAL_IP.equals(address.type())) {
        continue;
      }
      try {
        IpAddress parsed = IpAddress.parse(address.address());
        if (!addresses.contains(parsed)) {
          addresses.add(parsed);
        }
      } catch (IllegalArgumentException e) {
        problems.add(new Problem("InvalidAddress", "status.addresses: " + e.getMessage()));
        return null;
      }
    }
    if (addresses.isEmpty()) {
      problems.add(new Problem("NoAddress", "the Node has no address of type " + INTERNAL_IP));
      return null;
    }
    return limit("Addresses", addresses.size(), MAX_ADDRESSES, problems) ? addresses : null;
  }

  private static List<String> roles(Node node) {
    return node.metadata().labels().keySet().stream()
        .filter(label -> label.startsWith(ROLE) && label.length() > ROLE.length())
        .map(label -> label.substring(ROLE.length()))
        .sorted()
        .toList();
  }

  /** Only labels that a kubelet cannot set on its own Node. */
  private static Map<String, String> labels(Node node) {
    Map<String, String> labels = new TreeMap<>();
    node.metadata()
        .labels()
        .forEach(
            (label, value) -> {
              if (label.startsWith(ROLE) || label.startsWith(RESTRICTED)) {
                labels.put(label, value);
              }
            });
    return labels;
  }

  /** Whether there are more ranges than a status holds. */
  boolean tooManyRanges() {
    return ranges != null && ranges.size() > MAX_RANGES;
  }

  boolean isControlPlane() {
    return roles != null && roles.contains(CONTROL_PLANE);
  }
}
