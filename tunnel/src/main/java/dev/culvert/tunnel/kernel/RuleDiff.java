package dev.culvert.tunnel.kernel;

import dev.culvert.routing.plan.PlanText;
import dev.culvert.routing.plan.RulePlan;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The way from the rules that stand to those that shall stand. What is missing comes before what is
 * surplus goes, and at no step is a wanted rule missing that stood before: there is no moment at
 * which a packet finds neither the old way nor the new one.
 */
final class RuleDiff {
  private RuleDiff() {}

  /** One request to the kernel. */
  record Step(boolean add, RulePlan rule) {
    @Override
    public String toString() {
      return (add ? "add " : "delete ") + PlanText.of(rule).replace(" rule add ", " rule ");
    }
  }

  /**
   * Finds the requests, in order; none where all is as it shall be.
   *
   * @param current ours, in the kernel's order
   */
  static List<Step> steps(List<RulePlan> current, Collection<RulePlan> wanted) {
    Set<RulePlan> keep = new LinkedHashSet<>();
    wanted.forEach(rule -> keep.add(Rules.canonical(rule)));
    Set<RulePlan> there = new HashSet<>(current);
    List<RulePlan> table = new ArrayList<>(current);
    List<Step> steps = new ArrayList<>();
    for (RulePlan rule : keep) {
      if (!there.contains(rule)) {
        add(rule, table, steps);
      }
    }
    for (RulePlan rule : surplus(current, keep)) {
      delete(rule, table, steps);
    }
    return steps;
  }

  private static void add(RulePlan rule, List<RulePlan> table, List<Step> steps) {
    table.add(rule);
    steps.add(new Step(true, rule));
  }

  /** The kernel deletes the first rule that fits the request: that may be a narrower one. */
  private static void delete(RulePlan rule, List<RulePlan> table, List<Step> steps) {
    RulePlan victim;
    do {
      int at = 0;
      while (!Rules.deletes(rule, table.get(at))) {
        at++;
      }
      victim = table.get(at);
      if (!victim.equals(rule)) {
        add(victim, table, steps);
      }
      table.remove(at);
      steps.add(new Step(false, rule));
    } while (!victim.equals(rule));
  }

  /**
   * Rules that nobody wants, and the second of two alike. Narrow ones first: then what a request
   * hits by mistake is never surplus itself.
   */
  private static List<RulePlan> surplus(List<RulePlan> current, Set<RulePlan> keep) {
    Set<RulePlan> seen = new HashSet<>();
    List<RulePlan> surplus = new ArrayList<>();
    for (RulePlan rule : current) {
      if (!seen.add(rule) || !keep.contains(rule)) {
        surplus.add(rule);
      }
    }
    surplus.sort(Comparator.comparingInt(Rules::selectors).reversed());
    return surplus;
  }
}
