// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.culvert.routing.plan.Explanation;
import dev.culvert.routing.plan.KernelPlan;
import dev.culvert.routing.plan.PlanText;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The rules and routes by which a gateway steers packets.
 *
 * @param underlay devices that the guard watches
 * @param rules in the order that the kernel asks them, in the words of {@code ip}
 * @param routes of the tunnel's table, in the words of {@code ip}
 * @param explanation of the packet that was asked about, null if there was no question
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record RoutesView(
    String node,
    List<String> underlay,
    List<String> rules,
    List<String> routes,
    @Nullable ExplanationView explanation) {
  public RoutesView {
    underlay = List.copyOf(underlay);
    rules = List.copyOf(rules);
    routes = List.copyOf(routes);
  }

  /** A node's plan, without an explanation if {@code explanation} is null. */
  public static RoutesView of(String node, KernelPlan plan, @Nullable Explanation explanation) {
    return new RoutesView(
        node,
        plan.guard().underlay(),
        plan.rules().stream().map(PlanText::of).toList(),
        plan.routes().stream().map(PlanText::of).toList(),
        explanation == null
            ? null
            : new ExplanationView(
                explanation.outcome().name().toLowerCase(Locale.ROOT).replace('_', ' '),
                explanation.lines()));
  }

  /**
   * The fate of a packet.
   *
   * @param outcome encrypted, clear, not steered or dropped
   * @param lines why
   */
  public record ExplanationView(String outcome, List<String> lines) {
    public ExplanationView {
      lines = List.copyOf(lines);
    }
  }
}
