// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.testing;

import dev.culvert.daemon.config.InterfaceAddress;
import dev.culvert.daemon.steer.Network;
import dev.culvert.routing.BlindSpot;
import dev.culvert.routing.BlindSpot.Found;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.plan.GuardCounters;
import dev.culvert.routing.plan.KernelPlan;
import dev.culvert.routing.plan.PlanCompiler;
import dev.culvert.routing.plan.RulePlan;
import dev.culvert.tunnel.kernel.GuardTable.Count;
import dev.culvert.tunnel.kernel.HostFacts;
import dev.culvert.tunnel.kernel.Keeper;
import dev.culvert.tunnel.kernel.TunQueues;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A machine with an address 192.0.2.1 on wire0 and pods in 10.66.1.0/24 on pods0. Writes down the
 * calls; fails on demand.
 */
public final class FakeNetwork implements Network {
  private List<String> physical = List.of("wire0");
  private final List<String> calls = new ArrayList<>();
  private final SortedMap<String, Count> counters = new TreeMap<>();
  private final AtomicInteger factsAsked = new AtomicInteger();
  private @Nullable KernelPlan plan;
  private final Map<String, String> settings = new HashMap<>();
  private Keeper.@Nullable Listener listener;
  private final List<Found> blindSpots = new ArrayList<>();
  private @Nullable String guardFault;
  private @Nullable String stranger;
  private TunQueues tunQueues = new TunQueues(2, true);
  private boolean failing;
  private int mtu = 1500;
  private @Nullable IpAddress reachable;

  /** Every call, as in {@code keep [10.0.0.0/24]}. */
  public synchronized List<String> calls() {
    return List.copyOf(calls);
  }

  public synchronized void clear() {
    calls.clear();
  }

  /** Whether plans are refused from now on. */
  public void failing(boolean fails) {
    failing = fails;
  }

  /** No device is known that leads away from this host. */
  public void noPhysicalDevice() {
    physical = List.of();
  }

  public void blindSpot(BlindSpot spot, String traces) {
    blindSpots.add(new Found(spot, traces));
  }

  /** How often the machine was asked for its facts, each time with a dump of links and routes. */
  public int factsAsked() {
    return factsAsked.get();
  }

  public synchronized void note(String call) {
    calls.add(call);
  }

  /** The plan that is kept now. */
  public synchronized KernelPlan plan() {
    if (plan == null) {
      throw new IllegalStateException("nothing is kept");
    }
    return plan;
  }

  /** A guard begins to count at 0. */
  private void loadGuard() {
    for (String counter : GuardCounters.all(List.of("api-server", "etcd"))) {
      counters.putIfAbsent(counter, new Count(0, 0));
    }
    counters.putIfAbsent(GuardCounters.LINK_OUT, new Count(0, 0));
  }

  /** Another program took the guard away. */
  public void flushGuard() {
    counters.clear();
  }

  /** Sets a counter of the guard. */
  public void count(String counter, long packets) {
    loadGuard();
    counters.put(counter, new Count(packets, packets * 100));
  }

  /** The guard has no such counter. */
  public void uncounted(String counter) {
    counters.remove(counter);
  }

  /** There is no default route: wire0 leads to {@code node} alone. */
  public void leadsOnlyTo(IpAddress node) {
    reachable = node;
  }

  /** The underlay has another MTU, and says so. */
  public void mtu(int bytes) {
    mtu = bytes;
    if (listener != null) {
      listener.hostChanged();
    }
  }

  @Override
  public List<Found> blindSpots(Collection<String> underlay) {
    return List.copyOf(blindSpots);
  }

  public void guardFault(String found) {
    guardFault = found;
  }

  @Override
  public Optional<String> guardFault() {
    return Optional.ofNullable(guardFault);
  }

  /** The kernel's count of the queues of every TUN device from now on. */
  public void tunQueues(TunQueues counted) {
    tunQueues = counted;
  }

  /** Why the interface of the tunnel's name is not to be had. */
  public void interfaceIsForeign(String reason) {
    stranger = reason;
  }

  @Override
  public Optional<String> stranger(String interfaceName) {
    return Optional.ofNullable(stranger);
  }

  @Override
  public Optional<TunQueues> tunQueues(String interfaceName) {
    return Optional.of(tunQueues);
  }

  @Override
  public Set<IpAddress> ownAddresses() {
    return Set.of(IpAddress.parse("192.0.2.1"));
  }

  @Override
  public HostFacts facts(Collection<IpAddress> nodes, String tunnel, int mark) {
    factsAsked.incrementAndGet();
    return new HostFacts(
        new TreeMap<>(
            reachable == null || nodes.contains(reachable) ? Map.of("wire0", mtu) : Map.of()),
        Set.of(IpAddress.parse("192.0.2.1")),
        Map.of(
            "wire0", Set.of(Prefix.parse("192.0.2.0/24")),
            "pods0", Set.of(Prefix.parse("10.66.1.0/24"))),
        Map.of(IpAddress.parse("192.0.2.2"), IpAddress.parse("192.0.2.1")),
        physical,
        Set.of());
  }

  @Override
  public KeptPlan keep(KernelPlan wanted, Keeper.Listener hears) throws IOException {
    listener = hears;
    apply("keep", wanted);
    return new KeptPlan() {
      @Override
      public void update(KernelPlan next) throws IOException {
        apply("update", next);
      }

      @Override
      public void close() {
        note("leave");
      }
    };
  }

  private synchronized void apply(String call, KernelPlan wanted) throws IOException {
    if (failing) {
      throw new IOException("no guard today");
    }
    plan = wanted;
    loadGuard();
    wanted.sysctls().forEach(sysctl -> settings.put(sysctl.key(), sysctl.value()));
    List<Prefix> tunnelled =
        wanted.rules().stream()
            .filter(rule -> rule.table() != PlanCompiler.MAIN)
            .filter(rule -> rule.table() != RulePlan.UNREACHABLE)
            .map(rule -> rule.destination())
            .toList();
    note(call + " " + tunnelled);
  }

  @Override
  public void load(KernelPlan wanted) throws IOException {
    apply("load", wanted);
  }

  @Override
  public synchronized boolean guarded() {
    return plan != null || !counters.isEmpty();
  }

  @Override
  public synchronized List<String> remove() {
    plan = null;
    counters.clear();
    note("remove");
    return List.of("remove guard");
  }

  /** Nothing is kept any more. */
  public void lose(Throwable cause) {
    if (listener != null) {
      listener.ended(cause);
    }
  }

  @Override
  public Optional<String> setting(String key) {
    return Optional.ofNullable(settings.get(key));
  }

  @Override
  public void setting(String key, String value) {
    settings.put(key, value);
  }

  @Override
  public SortedMap<String, Count> counters() {
    return counters;
  }

  @Override
  public void configureLink(
      String interfaceName,
      int linkMtu,
      Collection<InterfaceAddress> added,
      Collection<InterfaceAddress> removed) {
    note("link " + interfaceName + " " + linkMtu + " +" + added + " -" + removed);
  }
}
