// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing.plan;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.ClusterMap.Claim;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.PortRange;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.Verdict;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The fate of a packet, with the lines that decide it.
 *
 * @param outcome the end of its way
 * @param rule the rule of the ladder that steers it, or null if none does and the main table
 *     decides
 * @param verdict the classifier's verdict if the rule leads into the tunnel; else null
 * @param lines the reasons, as text for people
 */
public record Explanation(
    Outcome outcome, @Nullable RulePlan rule, @Nullable Verdict verdict, List<String> lines) {
  public Explanation {
    lines = List.copyOf(lines);
  }

  /** The end of a packet's way. */
  public enum Outcome {
    ENCRYPTED,
    /** It leaves in clear, as the policy says. */
    CLEAR,
    /** It stays on this node, or its destination is outside of the cluster. */
    NOT_STEERED,
    DROPPED
  }

  /**
   * The packet in question.
   *
   * @param protocol IP protocol number, or 0 for any
   * @param sourcePort or {@link Classifier#NO_PORT}
   * @param destinationPort or {@link Classifier#NO_PORT}
   */
  public record Query(
      IpAddress source, IpAddress destination, int protocol, int sourcePort, int destinationPort) {
    public Query {
      if (source.v4() != destination.v4()) {
        throw new IllegalArgumentException(source + " and " + destination + " differ in family");
      }
    }
  }

  /**
   * Follows a packet of the node named {@code self} through its plan. {@code map}, {@code
   * classifier} and {@code plan} must belong to the same policy.
   */
  public static Explanation of(
      ClusterMap map, Classifier classifier, KernelPlan plan, String self, Query query) {
    int node = map.indexOf(self);
    List<String> lines = new ArrayList<>();
    Claim source = describe(map, "source", query.source(), lines);
    Claim destination = describe(map, "destination", query.destination(), lines);
    if (destination != null && destination.node() == node && destination.address()) {
      lines.add("the kernel's own table delivers it here");
      return new Explanation(Outcome.NOT_STEERED, null, null, lines);
    }
    boolean fromHost = source != null && source.node() == node && source.address();
    RulePlan rule = firstMatch(plan, query, fromHost);
    lines.add(rule == null ? "no rule matches: main table" : "rule: " + PlanText.of(rule));
    Verdict verdict =
        classifier.classify(
            query.source(),
            query.destination(),
            query.protocol(),
            query.sourcePort(),
            query.destinationPort());
    if (rule == null || !plan.tables().contains(rule.table())) {
      return new Explanation(steeredToMain(verdict, lines), rule, null, lines);
    }
    Outcome outcome =
        switch (verdict) {
          case Verdict.Encrypt encrypt -> {
            lines.add("encrypted for " + map.nodes().get(encrypt.node()).name());
            yield Outcome.ENCRYPTED;
          }
          case Verdict.Bypass bypass -> {
            lines.add("leaves in clear by rule " + bypass.rule());
            yield Outcome.CLEAR;
          }
          case Verdict.Drop drop -> {
            lines.add("dropped: " + drop.reason());
            yield Outcome.DROPPED;
          }
        };
    return new Explanation(outcome, rule, verdict, lines);
  }

  /**
   * The outcome of a packet that the main table routes past the tunnel: the guard drops it unless
   * the policy leaves it in clear.
   */
  private static Outcome steeredToMain(Verdict verdict, List<String> lines) {
    return switch (verdict) {
      case Verdict.Bypass bypass -> {
        lines.add("leaves in clear by rule " + bypass.rule());
        yield Outcome.CLEAR;
      }
      case Verdict.Encrypt _ -> {
        lines.add("the guard drops it on the underlay");
        yield Outcome.DROPPED;
      }
      case Verdict.Drop drop ->
          switch (drop.reason()) {
            case LOCAL_DESTINATION, OUTSIDE_CLUSTER, FOREIGN_SOURCE -> {
              lines.add("not for the tunnel: " + drop.reason());
              yield Outcome.NOT_STEERED;
            }
            case NO_OWNER, NO_PEER -> {
              lines.add("the guard drops it on the underlay: " + drop.reason());
              yield Outcome.DROPPED;
            }
          };
    };
  }

  private static @Nullable Claim describe(
      ClusterMap map, String end, IpAddress address, List<String> lines) {
    Prefix prefix = map.claimed(address);
    Prefix cidr = map.inCluster(address);
    if (prefix == null || (cidr != null && cidr.length() > prefix.length())) {
      lines.add(
          "%s %s: %s"
              .formatted(
                  end,
                  address,
                  cidr == null
                      ? "not the cluster's"
                      : "without an owner, in " + cidr + joining(map, address)));
      return null;
    }
    Claim claim = map.claims().get(prefix);
    if (claim == null) {
      throw new AssertionError("a range without a claim: " + prefix);
    }
    String name = map.nodes().get(claim.node()).name();
    lines.add(
        claim.address()
            ? "%s %s: node %s".formatted(end, address, name)
            : "%s %s: pods of %s, %s".formatted(end, address, name, prefix));
    return claim;
  }

  private static String joining(ClusterMap map, IpAddress address) {
    return map.joining().stream().anyMatch(range -> range.contains(address))
        ? "; a node that joins may have it"
        : "";
  }

  /** The rule at which the kernel would stop for a packet without a mark, or null. */
  static @Nullable RulePlan firstMatch(KernelPlan plan, Query query, boolean fromHost) {
    for (RulePlan rule : plan.rules()) {
      if (rule.v4() == query.source().v4()
          && rule.mark() == null
          && (!rule.local() || fromHost)
          && holds(rule.source(), query.source())
          && holds(rule.destination(), query.destination())
          && (rule.protocol() == 0 || rule.protocol() == query.protocol())
          && holds(rule.sourcePorts(), query.sourcePort())
          && holds(rule.destinationPorts(), query.destinationPort())
          && decides(plan, rule.table(), query.destination())) {
        return rule;
      }
    }
    return null;
  }

  /** Whether a look-up in the table ends there, rather than going on with the next rule. */
  private static boolean decides(KernelPlan plan, int table, IpAddress destination) {
    return !plan.tables().contains(table)
        || plan.routes().stream()
            .filter(route -> route.table() == table && route.destination().contains(destination))
            .max(Comparator.comparingInt(route -> route.destination().length()))
            .filter(route -> route.kind() != RoutePlan.Kind.THROW)
            .isPresent();
  }

  private static boolean holds(@Nullable Prefix prefix, IpAddress address) {
    return prefix == null || prefix.contains(address);
  }

  private static boolean holds(@Nullable PortRange ports, int port) {
    return ports == null || ports.contains(port);
  }
}
