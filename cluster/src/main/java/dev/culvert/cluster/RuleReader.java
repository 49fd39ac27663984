// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster;

import dev.culvert.cluster.ClusterSnapshot.ClusterPolicy;
import dev.culvert.cluster.resource.CulvertPolicy;
import dev.culvert.cluster.resource.EncryptionExemption;
import dev.culvert.routing.Exemption;
import dev.culvert.routing.IpProtocol;
import dev.culvert.routing.NodeSelector;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.TrafficClass;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads exemptions and the policy as the values that the gateway works with. */
final class RuleReader {
  private static final String ROLE = "node-role.kubernetes.io/";
  private static final String RESTRICTED = "node-restriction.kubernetes.io/";

  private RuleReader() {}

  static Optional<Exemption> exemption(EncryptionExemption object, List<String> problems) {
    String name = object.metadata().name();
    try {
      EncryptionExemption.Spec spec = object.spec();
      if (spec == null) {
        throw new IllegalArgumentException("it has no spec");
      }
      return Optional.of(
          new Exemption(
              name,
              selector(spec.nodeSelector()),
              protocol(spec.protocol()),
              spec.ports().stream().map(RuleReader::ports).toList()));
    } catch (IllegalArgumentException e) {
      problems.add("exemption " + name + " is left out: " + e.getMessage());
      return Optional.empty();
    }
  }

  private static NodeSelector selector(EncryptionExemption.@Nullable Selector selector) {
    if (selector == null || selector.matchLabels().isEmpty()) {
      throw new IllegalArgumentException("without a label it would exempt every node");
    }
    Set<String> roles = new HashSet<>();
    Map<String, String> labels = new HashMap<>();
    selector
        .matchLabels()
        .forEach(
            (label, value) -> {
              if (!label.startsWith(ROLE) && !label.startsWith(RESTRICTED)) {
                throw new IllegalArgumentException("a kubelet can set the label " + label);
              }
              // A role is a label without a value; one that has a value is asked for with it.
              if (label.startsWith(ROLE) && value.isEmpty()) {
                roles.add(label.substring(ROLE.length()));
              } else {
                labels.put(label, value);
              }
            });
    return new NodeSelector(roles, labels);
  }

  private static int protocol(String text) {
    return switch (text) {
      case "TCP" -> IpProtocol.TCP;
      case "UDP" -> IpProtocol.UDP;
      default -> throw new IllegalArgumentException("exempt is TCP or UDP, not " + text);
    };
  }

  private static PortRange ports(String text) {
    if (!text.matches("[0-9]{1,5}(-[0-9]{1,5})?")) {
      throw new IllegalArgumentException("not a port or a range of ports: " + text);
    }
    int dash = text.indexOf('-');
    return dash < 0
        ? PortRange.of(Integer.parseInt(text))
        : new PortRange(
            Integer.parseInt(text.substring(0, dash)), Integer.parseInt(text.substring(dash + 1)));
  }

  /**
   * The policy of that name, or null if there is none. A part that cannot be read is as strict as
   * can be.
   */
  static @Nullable ClusterPolicy policy(Collection<CulvertPolicy> objects, List<String> problems) {
    ClusterPolicy policy = null;
    for (CulvertPolicy object : objects) {
      String name = object.metadata().name();
      if (name.equals(CulvertPolicy.NAME)) {
        policy = policy(object.spec(), new Policy(name, problems));
      } else {
        problems.add("policy " + name + " is left out: only " + CulvertPolicy.NAME + " counts");
      }
    }
    return policy;
  }

  private static ClusterPolicy policy(CulvertPolicy.@Nullable Spec spec, Policy of) {
    Set<TrafficClass> encrypted = EnumSet.allOf(TrafficClass.class);
    if (spec == null) {
      of.problem("it has no spec");
      return new ClusterPolicy(List.of(), encrypted, true, true);
    }
    Switches on = new Switches(spec.turnsOff(), of);
    CulvertPolicy.Encrypt encrypt = spec.encrypt();
    CulvertPolicy.Strict strict = spec.strict();
    if (encrypt != null) {
      on.remove(encrypted, TrafficClass.POD_TO_POD, "podToPod", encrypt.podToPod());
      on.remove(encrypted, TrafficClass.POD_TO_NODE, "podToNode", encrypt.podToNode());
      on.remove(encrypted, TrafficClass.NODE_TO_POD, "nodeToPod", encrypt.nodeToPod());
      on.remove(encrypted, TrafficClass.NODE_TO_NODE, "nodeToNode", encrypt.nodeToNode());
    }
    boolean egress = strict == null || on.isOn("strictEgress", strict.egress());
    boolean ingress = strict == null || on.isOn("strictIngress", strict.ingress());
    return new ClusterPolicy(ranges(spec.clusterCIDRs(), of), encrypted, egress, ingress);
  }

  private static List<Prefix> ranges(List<String> texts, Policy of) {
    List<Prefix> ranges = new ArrayList<>();
    for (String text : texts) {
      try {
        Prefix range = Prefix.parse(text);
        if (range.length() == 0) {
          throw new IllegalArgumentException(range + " is every address there is");
        }
        ranges.add(range);
      } catch (IllegalArgumentException e) {
        of.problem("a range is left out: " + e.getMessage());
      }
    }
    return ranges;
  }

  /** A policy that is read, and the list that takes its faults. */
  private record Policy(String name, List<String> problems) {
    void problem(String text) {
      problems.add("policy " + name + ": " + text);
    }
  }

  /** Switches are on unless they are off in two places. */
  private record Switches(List<String> turnsOff, Policy of) {
    boolean isOn(String name, @Nullable Boolean given) {
      if (given == null || given) {
        return true;
      }
      if (!turnsOff.contains(name)) {
        of.problem(name + " stays on: turnsOff does not name it");
        return true;
      }
      return false;
    }

    void remove(Set<TrafficClass> from, TrafficClass kind, String name, @Nullable Boolean given) {
      if (!isOn(name, given)) {
        from.remove(kind);
      }
    }
  }
}
