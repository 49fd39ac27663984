// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.plan.AddressPlan;
import dev.culvert.routing.plan.Guard;
import dev.culvert.routing.plan.GuardText;
import dev.culvert.routing.plan.KernelPlan;
import dev.culvert.routing.plan.LinkPlan;
import dev.culvert.routing.plan.PlanCompiler;
import dev.culvert.routing.plan.RoutePlan;
import dev.culvert.routing.plan.RoutePlan.Kind;
import dev.culvert.routing.plan.SysctlPlan;
import dev.culvert.tunnel.kernel.Links.Address;
import dev.culvert.tunnel.kernel.Links.Link;
import dev.culvert.tunnel.kernel.Routes.Route;
import java.io.IOException;
import java.net.ProtocolException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Brings the kernel into the state of a {@link KernelPlan}, and deletes all other entries of ours.
 * It compares first and changes only differences. The order in which a new plan is applied keeps a
 * packet from ever falling through to a way in clear:
 *
 * <ol>
 *   <li>the guard, checked to be there, and its second layer if the kernel can have it
 *   <li>settings, devices and their addresses
 *   <li>routes, the unreachable ones first
 *   <li>rules that are missing
 *   <li>surplus entries: rules, then routes, then addresses; unless something is still missing
 * </ol>
 *
 * Only entries that carry our protocol number are deleted. Nothing goes when this is closed.
 *
 * <p>Opened and used in one network namespace; not thread-safe.
 */
public final class PlanApplier implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(PlanApplier.class);

  private final Netlink netlink;
  private final Links links;
  private final Routes routes;
  private final Rules rules;
  private final GuardTable guard = new GuardTable();

  /** Tables that a plan had routes in. */
  private final Set<Integer> tables = new TreeSet<>();

  private final Function<Guard, String> guardText;

  private final LinkGuard linkGuard;
  private final GuardRanges ranges;

  /** The guard in the kernel, unless another program changed it; null if that is not known. */
  private @Nullable Guard inForce;

  private PlanApplier(
      Netlink netlink,
      GuardRanges ranges,
      Function<Guard, String> guardText,
      Supplier<Optional<String>> linkGuardFault) {
    linkGuard = new LinkGuard(linkGuardFault);
    this.netlink = netlink;
    this.ranges = ranges;
    this.guardText = guardText;
    links = new Links(netlink);
    routes = new Routes(netlink);
    rules = new Rules(netlink);
  }

  /** Opens one for the calling thread's network namespace. */
  public static PlanApplier open() throws IOException {
    return open(GuardText::of, LinkGuard::fault);
  }

  /**
   * Opens one.
   *
   * @param guardText a guard as a script for {@code nft -f}
   * @param linkGuardFault why this kernel cannot have the guard's second layer
   */
  static PlanApplier open(
      Function<Guard, String> guardText, Supplier<Optional<String>> linkGuardFault)
      throws IOException {
    Netlink netlink = Netlink.open();
    try {
      return new PlanApplier(netlink, GuardRanges.open(), guardText, linkGuardFault);
    } catch (IOException | RuntimeException e) {
      netlink.close();
      throw e;
    }
  }

  /**
   * The result of one application.
   *
   * @param changes one line each, in order; empty: the kernel held it all
   * @param waiting entries that cannot be made before a device comes or is up; nothing leaves in
   *     clear by it
   * @param failures entries that the kernel refused
   */
  public record Outcome(List<String> changes, List<String> waiting, List<String> failures) {
    public Outcome {
      changes = List.copyOf(changes);
      waiting = List.copyOf(waiting);
      failures = List.copyOf(failures);
    }
  }

  /**
   * Applies a plan.
   *
   * @throws IOException if the guard cannot be had, or the kernel cannot be asked: nothing after
   *     that was changed
   */
  public Outcome apply(KernelPlan plan) throws IOException {
    Pass pass = new Pass();
    applyGuard(plan.guard(), pass);
    steer(plan, pass);
    return pass.outcome();
  }

  /**
   * Applies a plan after another one, if the kernel has told of no change of the guard since: then
   * the guard's ranges are changed where they are, and its rules are not looked at. A change that
   * the kernel tells of later is found by {@link #repairGuard}.
   *
   * @throws IOException as {@link #apply} does
   */
  Outcome follow(KernelPlan plan) throws IOException {
    Pass pass = new Pass();
    if (!changeRanges(plan.guard(), pass)) {
      applyGuard(plan.guard(), pass);
    }
    steer(plan, pass);
    return pass.outcome();
  }

  /**
   * Repairs the guard of a plan that was applied, and nothing else.
   *
   * @throws IOException if the guard cannot be had
   */
  Outcome repairGuard(KernelPlan plan) throws IOException {
    Pass pass = new Pass();
    applyGuard(plan.guard(), pass);
    return pass.outcome();
  }

  /**
   * Repairs everything of a plan that was applied, except its guard: by netlink alone, so that it
   * takes no longer and fails no more often when {@code nft} does.
   *
   * @throws IOException if the kernel cannot be asked
   */
  Outcome repairRouting(KernelPlan plan) throws IOException {
    Pass pass = new Pass();
    steer(plan, pass);
    return pass.outcome();
  }

  /**
   * Takes note of a message of the nftables group.
   *
   * @return whether the guard has to be looked at
   */
  boolean hear(NetlinkMessage message) throws ProtocolException {
    return !ranges.made(message) && guard.hear(message);
  }

  /** Whether a change of routes or rules that the kernel tells of was made here. */
  boolean made(NetlinkMessage message) {
    return netlink.made(message);
  }

  /**
   * Changes the guard's ranges alone.
   *
   * @return false if it is to be loaded as a whole
   */
  private boolean changeRanges(Guard wanted, Pass pass) {
    Guard before = inForce;
    if (before == null || !before.hasRulesOf(wanted)) {
      return false;
    }
    try {
      int count = ranges.change(before, wanted, linkGuard.isLoaded());
      if (count < 0) {
        return false;
      }
      if (count > 0) {
        pass.changes.add("change " + count + " ranges of the guard");
      }
      inForce = wanted;
      return true;
    } catch (IOException e) {
      LOG.info(
          LogEvent.GUARD_LOADED,
          "the guard is loaded as a whole: {}",
          Field.reason(e.getMessage()));
      return false;
    }
  }

  private void applyGuard(Guard wanted, Pass pass) throws IOException {
    inForce = null;
    if (guard.apply(guardText.apply(wanted))) {
      pass.changes.add("load guard");
    }
    applyLinkGuard(wanted, pass);
    if (pass.failures.isEmpty()) {
      inForce = wanted;
    }
  }

  private void steer(KernelPlan plan, Pass pass) throws IOException {
    applySysctls(plan.sysctls(), pass);
    for (LinkPlan link : plan.links()) {
      applyLink(link, pass);
    }
    Map<String, Link> byName = new HashMap<>();
    links.list().forEach(link -> byName.put(link.name(), link));
    List<Address> surplusAddresses = addAddresses(plan, byName, pass);
    List<Route> surplusRoutes = addRoutes(plan, byName, pass);
    List<RuleDiff.Step> steps = RuleDiff.steps(rules.list(), plan.rules());
    applyRules(steps, pass);
    if (pass.failures.isEmpty()) {
      for (Route route : surplusRoutes) {
        pass.attempt("delete route " + route, () -> routes.delete(route), Errno.ESRCH);
      }
      for (Address address : surplusAddresses) {
        pass.attempt(
            "delete address " + address.address() + "/" + address.length(),
            () ->
                links.deleteAddress(address.interfaceIndex(), address.address(), address.length()),
            Errno.EADDRNOTAVAIL);
      }
    }
  }

  private void applyLinkGuard(Guard wanted, Pass pass) throws IOException {
    Set<String> existing = new HashSet<>();
    links.list().forEach(link -> existing.add(link.name()));
    try {
      if (linkGuard.apply(wanted, existing)) {
        pass.changes.add("load the guard of the link layer");
      }
    } catch (IOException e) {
      pass.failures.add("load the guard of the link layer: " + e.getMessage());
    }
  }

  /** Whether a setting is not as planned. */
  boolean sysctlsDiffer(KernelPlan plan) {
    return plan.sysctls().stream().anyMatch(PlanApplier::differs);
  }

  private static boolean differs(SysctlPlan sysctl) {
    try {
      Optional<String> value = Sysctls.read(sysctl.key());
      return value.isPresent() && !value.get().equals(sysctl.value());
    } catch (IOException e) {
      return true; // Writing it will give the reason.
    }
  }

  private static void applySysctls(List<SysctlPlan> sysctls, Pass pass) {
    for (SysctlPlan sysctl : sysctls) {
      String change = "set " + sysctl.key() + " to " + sysctl.value();
      if (!Sysctls.exists(sysctl.key())) {
        pass.waiting.add(change);
      } else if (differs(sysctl)) {
        pass.attempt(change, () -> Sysctls.write(sysctl.key(), sysctl.value()));
      }
    }
  }

  private void applyLink(LinkPlan plan, Pass pass) throws IOException {
    Link link = links.find(plan.name()).orElse(null);
    if (link == null) {
      pass.waiting.add("device " + plan.name());
      return;
    }
    if (link.mtu() != plan.mtu()) {
      pass.attempt(
          "set MTU " + plan.mtu() + " on " + plan.name(),
          () -> links.setMtu(link.index(), plan.mtu()));
    }
    if (!link.up()) {
      pass.attempt("set " + plan.name() + " up", () -> links.setUp(link.index(), true));
    }
  }

  /** Adds missing addresses; returns ours on the plan's devices that are not in the plan. */
  private List<Address> addAddresses(KernelPlan plan, Map<String, Link> byName, Pass pass)
      throws IOException {
    List<Address> surplus = new ArrayList<>(links.addresses());
    List<Address> current = List.copyOf(surplus);
    Set<Integer> ours = new HashSet<>();
    plan.links().stream()
        .map(link -> byName.get(link.name()))
        .forEach(link -> ours.add(link == null ? 0 : link.index()));
    surplus.removeIf(address -> !address.ours() || !ours.contains(address.interfaceIndex()));
    for (AddressPlan address : plan.addresses()) {
      String change =
          "add address " + address.address() + "/" + address.length() + " to " + address.device();
      Link link = byName.get(address.device());
      if (link == null) {
        pass.waiting.add(change);
        continue;
      }
      if (current.stream().noneMatch(a -> same(a, link, address))) {
        pass.attempt(
            change, () -> links.addAddress(link.index(), address.address(), address.length()));
      }
      surplus.removeIf(a -> same(a, link, address));
    }
    return surplus;
  }

  private static boolean same(Address address, Link link, AddressPlan plan) {
    return address.interfaceIndex() == link.index()
        && address.address().equals(plan.address())
        && address.length() == plan.length();
  }

  /** The identity of a route in a table: the kernel has at most one route per key. */
  private record Key(int table, Prefix destination, long metric) {
    static Key of(Route route) {
      return new Key(route.table(), route.destination(), route.metric());
    }
  }

  /** Adds missing routes and replaces different ones; returns ours that are not in the plan. */
  private List<Route> addRoutes(KernelPlan plan, Map<String, Link> byName, Pass pass)
      throws IOException {
    tables.addAll(plan.tables());
    plan.routes().forEach(route -> tables.add(route.table()));
    Map<Key, List<Route>> current = new HashMap<>();
    for (int table : tables) {
      for (Route route : routes.list(table)) {
        current.computeIfAbsent(Key.of(route), key -> new ArrayList<>()).add(route);
      }
    }
    List<RoutePlan> ordered = new ArrayList<>(plan.routes());
    ordered.sort(Comparator.comparing(route -> route.kind() == Kind.TO_DEVICE));
    for (RoutePlan wanted : ordered) {
      Link link = wanted.device() == null ? null : byName.get(wanted.device());
      if (wanted.kind() == Kind.TO_DEVICE && (link == null || !link.up())) {
        pass.waiting.add("route to " + wanted.destination() + " dev " + wanted.device());
        continue;
      }
      Route route = toRoute(wanted, link);
      List<Route> there = current.getOrDefault(Key.of(route), List.of());
      if (there.isEmpty()) {
        boolean shared = !plan.tables().contains(route.table());
        // In a table of others, a route of theirs is not taken away.
        pass.attempt(
            "add route " + route,
            () -> {
              if (shared) {
                routes.add(route);
              } else {
                routes.replace(route);
              }
            });
      } else if (!there.remove(route)) {
        // The kernel puts it in the place of one of those that are there.
        Route replaced = there.removeFirst();
        pass.attempt("replace route " + replaced + " by " + route, () -> routes.replace(route));
      }
    }
    return current.values().stream().flatMap(List::stream).toList();
  }

  private static Route toRoute(RoutePlan plan, @Nullable Link link) {
    // For IPv6 the kernel makes 0 the metric that most routes have.
    boolean usual = plan.metric() == 0 && !plan.destination().address().v4();
    return new Route(
        plan.destination(),
        plan.kind(),
        link == null ? 0 : link.index(),
        plan.table(),
        usual ? 1024 : plan.metric(),
        plan.source(),
        plan.mtu());
  }

  private void applyRules(List<RuleDiff.Step> steps, Pass pass) {
    for (RuleDiff.Step step : steps) {
      if (step.add()) {
        pass.attempt(step.toString(), () -> rules.add(step.rule()));
      } else if (pass.failures.isEmpty()) {
        pass.attempt(step.toString(), () -> rules.delete(step.rule()), Errno.ENOENT);
      }
    }
  }

  /**
   * Takes away all of ours: rules, then routes but for those in the main table, then the guard.
   * From here on, traffic leaves in clear. Settings stay as they are.
   *
   * @return one line for each thing that went
   */
  public List<String> remove() throws IOException {
    Pass pass = new Pass();
    applyRules(RuleDiff.steps(rules.list(), List.of()), pass);
    for (Route route : routes.list(0)) {
      if (route.table() != PlanCompiler.MAIN) {
        pass.attempt("delete route " + route, () -> routes.delete(route), Errno.ESRCH);
      }
    }
    if (!pass.failures.isEmpty()) {
      throw new IOException(String.join("; ", pass.failures));
    }
    if (GuardTable.text().isPresent()) {
      GuardTable.remove();
      pass.changes.add("remove guard");
    }
    return pass.changes;
  }

  @Override
  public void close() {
    ranges.close();
    netlink.close();
  }

  /** Gathers the changes of one application, so that one refusal does not keep the rest undone. */
  private static final class Pass {
    final List<String> changes = new ArrayList<>();
    final List<String> waiting = new ArrayList<>();
    final List<String> failures = new ArrayList<>();

    Outcome outcome() {
      return new Outcome(changes, waiting, failures);
    }

    interface Request {
      void run() throws IOException;
    }

    /**
     * @param harmless error numbers that say that it is done already
     */
    void attempt(String change, Request request, Integer... harmless) {
      try {
        request.run();
        changes.add(change);
      } catch (IOException e) {
        boolean done =
            e instanceof ErrnoException errno && Set.of(harmless).contains(errno.errno());
        if (!done) {
          failures.add(change + ": " + e.getMessage());
        }
      }
    }
  }
}
