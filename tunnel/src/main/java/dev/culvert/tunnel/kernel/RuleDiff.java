// SPDX-License-Identifier: Apache-2.0
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
 * The steps from the current rules to the wanted ones. Missing rules are added before surplus rules
 * are deleted, and no step removes a wanted rule: at every moment a packet finds the old way or the
 * new one.
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
   * Finds the requests, in order; none if the rules are as wanted.
   *
   * @param current our rules, in the kernel's order
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

  /**
   * Adds the steps that delete a rule. The kernel deletes the first rule that fits the request,
   * which may be a narrower one.
   */
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
   * Rules that are not wanted, and the second of two equal ones. Narrow rules come first, so that a
   * rule that a request deletes by mistake is never a surplus one.
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
