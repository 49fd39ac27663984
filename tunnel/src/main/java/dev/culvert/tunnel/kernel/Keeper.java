// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.routing.plan.KernelPlan;
import dev.culvert.routing.plan.PlanCompiler;
import dev.culvert.routing.plan.RoutePlan;
import dev.culvert.tunnel.kernel.PlanApplier.Outcome;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Keeps the kernel as a plan wants it: hears from netlink of changes to links, addresses, routes,
 * rules and nftables, looks for entries that are no longer as planned, and repairs them, on a
 * thread of its own. Its own changes are heard too. Those of routes, rules and the guard's ranges
 * are known by their sender, since a look at the entries of thousands of nodes takes long; the
 * others are found to be as planned: that ends it.
 *
 * <p>Lives in the network namespace of the thread that started it. Its entries stay when it is
 * closed or the process dies.
 */
public final class Keeper implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(Keeper.class);

  /** The limited log's key for changes: the kernel does not say which program made them. */
  private static final String ANY_PROGRAM = "any program";

  /** RTMGRP_LINK, RTMGRP_IPV4_IFADDR, _ROUTE, _RULE, and the same of IPv6. */
  private static final int ROUTING_GROUPS = 0x1 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 1 << 18;

  /** NFNLGRP_NFTABLES. */
  private static final int NFTABLES_GROUP = 1 << 6;

  /**
   * The pause that ends a flush, which is one message per entry. The first message is acted on at
   * once.
   */
  private static final int QUIET_MILLIS = 5;

  private static final long GATHER_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  /**
   * The priority of this thread, and of {@code nft}, which inherits it, so that repairs come first
   * on a busy machine too.
   */
  private static final int NICENESS = -10;

  /** The time between two looks at settings, whose changes are not announced, and two retries. */
  private static final int TICK_MILLIS = 400;

  private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(TICK_MILLIS);

  /**
   * More repairs than this within {@link #FIGHT_NANOS} mean that another program undoes them. Then
   * repairs are a tick apart.
   */
  private static final int MANY_REPAIRS = 10;

  private static final long FIGHT_NANOS = TimeUnit.SECONDS.toNanos(10);

  private static final int SHOWN_CHANGES = 20;

  /** The longest wait for a plan; a plan of thousands of nodes takes a second. */
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /** Hears of changes on the keeper's thread; its exceptions are logged. */
  public interface Listener {
    /** The thread died: nothing is repaired any more, though {@link #close} was not called. */
    void ended(Throwable cause);

    /**
     * Another program had changed something, and the kernel is as planned again.
     *
     * @param changes that were made for that
     * @param ofGuard how many of them, at the end, are the guard's
     */
    default void repaired(List<String> changes, int ofGuard) {}

    /** A part that the plan waited for has come, mostly a device, and these changes were made. */
    default void completed(List<String> changes) {}

    /**
     * Links, addresses or routes of other programs changed, so {@link HostFacts} may have changed.
     * May call {@link #update}.
     */
    void hostChanged();
  }

  private final Netlink routing;
  private final Netlink nftables;
  private final PlanApplier applier;
  private final Wakeup wakeup;
  private final Listener listener;
  private final Thread thread;
  private final PlanUpdates updates = new PlanUpdates();
  private final Deque<Long> repairs = new ArrayDeque<>();
  private volatile boolean closing;

  private KernelPlan plan;
  private Set<Integer> tables = Set.of();
  private final Half routed = new Half();
  private final Half guarded = new Half();
  private List<String> failures = List.of();

  /** The failures that were logged last. */
  private List<String> told = List.of();

  /**
   * The parts that the plan waits for, mostly devices. When one comes, the changes for it repair
   * nothing.
   */
  private List<String> waiting = List.of();

  private boolean hostTouched;

  /**
   * One of the two mechanisms that keep packets from leaving in clear. Each is looked at when there
   * is news of it, and repaired even if the other one cannot be.
   */
  private static final class Half {
    boolean touched;
    long looked = System.nanoTime() - GATHER_NANOS;
    List<String> failures = List.of();

    interface Repair {
      Outcome apply(KernelPlan plan) throws IOException;
    }

    boolean due() {
      return touched || !failures.isEmpty();
    }

    boolean urgent() {
      return touched && System.nanoTime() - looked >= GATHER_NANOS;
    }

    /** Empty if the kernel could not be asked. */
    Optional<Outcome> look(Repair repair, KernelPlan plan) {
      touched = false;
      try {
        Outcome outcome = repair.apply(plan);
        failures = outcome.failures();
        return Optional.of(outcome);
      } catch (IOException | RuntimeException e) {
        failures = List.of(String.valueOf(e.getMessage()));
        return Optional.empty();
      } finally {
        looked = System.nanoTime();
      }
    }
  }

  private Keeper(
      Netlink routing,
      Netlink nftables,
      PlanApplier applier,
      Wakeup wakeup,
      KernelPlan plan,
      Listener listener) {
    this.routing = routing;
    this.nftables = nftables;
    this.applier = applier;
    this.wakeup = wakeup;
    this.plan = plan;
    this.listener = listener;
    // A blocking native call would pin a virtual thread's carrier.
    thread = Thread.ofPlatform().daemon().name("kernel-keeper").unstarted(this::run);
  }

  /**
   * Applies a plan and goes on to keep it.
   *
   * @throws IOException the plan could not be applied, at least not its guard
   */
  public static Keeper start(KernelPlan plan, Listener listener) throws IOException {
    return start(plan, listener, PlanApplier.open());
  }

  /**
   * The same.
   *
   * @param applier closed with the keeper, or if that cannot be started
   */
  static Keeper start(KernelPlan plan, Listener listener, PlanApplier applier) throws IOException {
    Deque<AutoCloseable> opened = new ArrayDeque<>();
    opened.push(applier);
    try {
      // Listening comes first: changes during the first application are heard.
      Netlink routing = Netlink.open(Netlink.NETLINK_ROUTE, ROUTING_GROUPS);
      opened.push(routing);
      Netlink nftables = Netlink.open(Netlink.NETLINK_NETFILTER, NFTABLES_GROUP);
      opened.push(nftables);
      Wakeup wakeup = Wakeup.open();
      opened.push(wakeup);
      Keeper keeper = new Keeper(routing, nftables, applier, wakeup, plan, listener);
      opened.push(keeper);
      keeper.thread.start();
      keeper.update(plan);
      return keeper;
    } catch (IOException | RuntimeException e) {
      for (AutoCloseable resource : opened) {
        try {
          resource.close();
        } catch (Exception inner) {
          e.addSuppressed(inner);
        }
      }
      throw e;
    }
  }

  /**
   * Applies another plan and keeps that from now on, even if some of it fails.
   *
   * @throws IOException the guard could not be had: the old plan is kept; or it took too long, and
   *     the message says whether the new one may still take effect: {@link Listener#hostChanged} is
   *     called when it has
   */
  public Outcome update(KernelPlan newPlan) throws IOException {
    if (Thread.currentThread() == thread) {
      return applyNew(newPlan);
    }
    return updates.await(newPlan, wakeup::signal, PATIENCE);
  }

  private void run() {
    Throwable death = null;
    hurry();
    try {
      while (!closing) {
        boolean heard = Poll.readable(TICK_MILLIS, routing.fd(), nftables.fd(), wakeup.fd());
        if (heard) {
          gather();
        }
        hostTouched |= updates.serve(this::applyNew);
        routed.touched |= applier.sysctlsDiffer(plan);
        if (routed.due() || guarded.due()) {
          repair();
        }
        if (hostTouched) {
          hostTouched = false;
          tell(listener::hostChanged);
        }
      }
    } catch (Throwable e) { // An error ends the thread as well, and has to be logged here.
      death = e;
      LOG.failure(
          LogEvent.GUARD_UNATTENDED,
          e,
          "routes, rules and guard are no longer repaired when another program changes them");
    } finally {
      closing = true;
      updates.end();
      wakeup.close();
      routing.close();
      nftables.close();
      applier.close();
    }
    Throwable cause = death;
    if (cause != null) {
      tell(() -> listener.ended(cause));
    }
  }

  private static void hurry() {
    int niceness = NICENESS;
    // A process without the right to this priority may have the right to a lower one.
    while (niceness < 0 && LIBC.setpriority(LibC.PRIO_PROCESS, 0, niceness) != 0) {
      niceness++;
    }
    if (niceness == 0) {
      LOG.per(ANY_PROGRAM)
          .info(
              LogEvent.GUARD_PRIORITY,
              "repairs of rules and guard have the priority of other work");
    }
  }

  /**
   * Reads news. If a half has to be repaired and was not looked at just now, only the news that is
   * there is read; otherwise reading goes on until no more comes for a moment, or for long enough.
   */
  private void gather() throws IOException {
    long end = System.nanoTime() + GATHER_NANOS;
    do {
      wakeup.drain();
      if (Poll.readable(0, routing.fd())) {
        hear(routing);
      }
      if (Poll.readable(0, nftables.fd())) {
        hear(nftables);
      }
    } while (!closing
        && updates.isEmpty()
        && !routed.urgent()
        && !guarded.urgent()
        && System.nanoTime() - end < 0
        && Poll.readable(QUIET_MILLIS, routing.fd(), nftables.fd(), wakeup.fd()));
  }

  private void hear(Netlink news) throws IOException {
    try {
      for (NetlinkMessage message : news.receiveNow("kernel news")) {
        note(news, message);
      }
    } catch (ErrnoException e) {
      if (e.errno() != Errno.ENOBUFS) {
        throw e;
      }
      // The kernel had to drop news, so any part may have changed.
      touchAll();
    }
  }

  private void touchAll() {
    routed.touched = true;
    guarded.touched = true;
    hostTouched = true;
  }

  private void note(Netlink news, NetlinkMessage message) throws IOException {
    if (news == nftables) {
      guarded.touched |= applier.hear(message);
      return;
    }
    switch (message.type()) {
      case Routes.RTM_NEWROUTE, Routes.RTM_DELROUTE -> {
        boolean ours = Routes.concerns(message, tables);
        routed.touched |= ours && !applier.made(message);
        hostTouched |= !ours;
      }
      case Rules.RTM_NEWRULE, Rules.RTM_DELRULE -> routed.touched |= !applier.made(message);
      default -> touchAll();
    }
  }

  private Outcome applyNew(KernelPlan newPlan) throws IOException {
    Outcome outcome = guarded.due() ? applier.apply(newPlan) : applier.follow(newPlan);
    plan = newPlan;
    Set<Integer> planned = new HashSet<>(newPlan.tables());
    newPlan.routes().stream().map(RoutePlan::table).forEach(planned::add);
    planned.remove(PlanCompiler.MAIN);
    tables = planned;
    waiting = outcome.waiting();
    routed.failures = outcome.failures();
    guarded.failures = outcome.failures();
    noteFailures(outcome.failures());
    return outcome;
  }

  /** Rules and routes come first: netlink puts them back sooner than {@code nft} has started. */
  private void repair() {
    holdBackInAFight();
    List<String> changes = new ArrayList<>();
    boolean awaited = false;
    if (routed.due()) {
      Outcome outcome = routed.look(applier::repairRouting, plan).orElse(null);
      if (outcome != null) {
        changes.addAll(outcome.changes());
        awaited = !new HashSet<>(outcome.waiting()).containsAll(waiting);
        waiting = outcome.waiting();
      }
    }
    int routing = changes.size();
    if (guarded.due()) {
      guarded
          .look(applier::repairGuard, plan)
          .ifPresent(outcome -> changes.addAll(outcome.changes()));
    }
    noteFailures(
        Stream.concat(routed.failures.stream(), guarded.failures.stream()).distinct().toList());
    if (!changes.isEmpty() && awaited) {
      LOG.per(ANY_PROGRAM)
          .info(
              LogEvent.PLAN_COMPLETED,
              "completed the plan after a device came: {}",
              shown(changes));
      tell(() -> listener.completed(changes));
    } else if (!changes.isEmpty()) {
      countRepair();
      LOG.per(ANY_PROGRAM)
          .warn(LogEvent.GUARD_REPAIRED, "repaired changes by another program: {}", shown(changes));
      tell(() -> listener.repaired(changes, changes.size() - routing));
    }
  }

  private static String shown(List<String> changes) {
    int more = changes.size() - SHOWN_CHANGES;
    return more <= 0
        ? String.join("; ", changes)
        : String.join("; ", changes.subList(0, SHOWN_CHANGES)) + " and " + more + " more";
  }

  /** Counts repairs within a tick once, since a flush may take two repairs. */
  private void countRepair() {
    long now = System.nanoTime();
    if (repairs.isEmpty() || now - repairs.getLast() > TICK_NANOS) {
      repairs.addLast(now);
    }
  }

  /** Slows repairs down when another program undoes them, since both would do nothing else. */
  private void holdBackInAFight() {
    long now = System.nanoTime();
    while (!repairs.isEmpty() && now - repairs.getFirst() > FIGHT_NANOS) {
      repairs.removeFirst();
    }
    if (repairs.size() >= MANY_REPAIRS && !closing) {
      LOG.per(ANY_PROGRAM)
          .warn(
              LogEvent.GUARD_DISPUTED,
              "another program keeps changing Culvert's entries in the kernel");
      long rest = TICK_NANOS - (now - Math.max(routed.looked, guarded.looked));
      try {
        TimeUnit.NANOSECONDS.sleep(rest);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /**
   * Logs failures from the second attempt on: some heal within a moment, as that of a route whose
   * source is an IPv6 address that the device was given just now.
   */
  private void noteFailures(List<String> now) {
    boolean again = !now.isEmpty() && !failures.isEmpty();
    if (again && !now.equals(told)) {
      LOG.per(ANY_PROGRAM)
          .error(
              LogEvent.GUARD_UNREPAIRED,
              "the kernel is not as planned, trying again: {}",
              Field.reason(shown(now)));
      told = now;
    } else if (now.isEmpty()) {
      told = List.of();
    }
    failures = now;
  }

  private static void tell(Runnable news) {
    try {
      news.run();
    } catch (RuntimeException e) {
      LOG.per(ANY_PROGRAM).failure(LogEvent.LISTENER_FAILED, e, "a listener failed");
    }
  }

  /** Stops repairs; rules, routes and guard stay. Returns when no more changes are made. */
  @Override
  public void close() {
    boolean wasOpen = !closing;
    closing = true;
    if (wasOpen) {
      wakeup.signal();
    }
    if (Thread.currentThread() != thread) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
