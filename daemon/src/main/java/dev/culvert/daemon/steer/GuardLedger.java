// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.steer;

import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import dev.culvert.routing.BlindSpot;
import dev.culvert.routing.Exemption;
import dev.culvert.routing.Policy;
import dev.culvert.routing.TrafficClass;
import dev.culvert.routing.plan.GuardCounters;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.kernel.GuardTable.Count;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Sums up the guard's counters over the life of a gateway, for metrics. In contrast to {@link
 * Audit}, packets are judged by the policy under which they were counted, and sums do not fall when
 * the guard is made anew. nft is asked at most once per {@link #PAUSE}. Thread-safe.
 */
public final class GuardLedger {
  /** The shortest time between two questions to nft. */
  public static final Duration PAUSE = Duration.ofSeconds(2);

  private static final EventLog LOG = EventLog.of(GuardLedger.class);

  private final Network network;
  private final Map<String, Count> seen = new HashMap<>();
  private final Map<GuardReading.Kind, GuardReading.Sum> sums = new HashMap<>();
  private final Map<String, GuardReading.Sum> exemptions = new HashMap<>();
  private @Nullable GuardReading last;
  private long lastNanos;

  public GuardLedger(Network network) {
    this.network = network;
  }

  /** Writes the sums, for a process that continues them. */
  public synchronized void save(StateWriter out) {
    out.list(
        seen.entrySet(),
        entry ->
            out.text(entry.getKey())
                .int64(entry.getValue().packets())
                .int64(entry.getValue().bytes()));
    out.list(sums.entrySet(), entry -> write(out, entry.getKey(), entry.getValue()));
    out.list(exemptions.entrySet(), entry -> write(out.text(entry.getKey()), entry.getValue()));
  }

  private static void write(StateWriter out, GuardReading.Kind kind, GuardReading.Sum sum) {
    out.text(kind.traffic().map(TrafficClass::name).orElse(""));
    write(out.flag(kind.out()).flag(kind.clear()), sum);
  }

  private static void write(StateWriter out, GuardReading.Sum sum) {
    out.int64(sum.packets()).int64(sum.bytes());
  }

  /** Continues the sums that another process wrote. */
  public synchronized void restore(StateReader in) throws StateException {
    in.list(() -> seen.put(in.text(), new Count(in.int64(), in.int64())));
    in.list(() -> sums.put(kind(in), sum(in)));
    in.list(() -> exemptions.put(in.text(), sum(in)));
  }

  private static GuardReading.Kind kind(StateReader in) throws StateException {
    String name = in.text();
    Optional<TrafficClass> traffic =
        Stream.of(TrafficClass.values()).filter(each -> each.name().equals(name)).findAny();
    return new GuardReading.Kind(traffic, in.flag(), in.flag());
  }

  private static GuardReading.Sum sum(StateReader in) throws StateException {
    return new GuardReading.Sum(in.int64(), in.int64());
  }

  /**
   * The sums, at most {@link #PAUSE} old.
   *
   * @param policy in force
   * @param nowNanos monotonic time
   */
  public synchronized GuardReading read(Policy policy, long nowNanos) {
    GuardReading known = last;
    return known != null && nowNanos - lastNanos < PAUSE.toNanos() ? known : ask(policy, nowNanos);
  }

  /** Judges all packets until now by {@code policy}, which is about to be replaced. */
  public synchronized void settle(Policy policy, long nowNanos) {
    ask(policy, nowNanos);
  }

  private GuardReading ask(Policy policy, long nowNanos) {
    boolean present = false;
    try {
      SortedMap<String, Count> counters = network.counters();
      present = !counters.isEmpty();
      add(counters, policy);
    } catch (IOException | RuntimeException e) {
      LOG.per("nft")
          .failure(LogEvent.GUARD_UNREAD, e, "the guard's counters could not be read for metrics");
    }
    GuardReading now = new GuardReading(present, sums, exemptions);
    last = now;
    lastNanos = nowNanos;
    return now;
  }

  private void add(Map<String, Count> counters, Policy policy) {
    for (TrafficClass traffic : TrafficClass.values()) {
      boolean inClear = policy.inClear().contains(traffic);
      for (boolean out : new boolean[] {true, false}) {
        boolean passes = inClear || !strict(policy, out);
        add(counters, GuardCounters.of(traffic, out), traffic, out, passes);
      }
    }
    boolean toMany = policy.accepted().contains(BlindSpot.MULTICAST_OVERLAY);
    add(counters, GuardCounters.UNKNOWN_OUT, null, true, !policy.strictEgress());
    add(counters, GuardCounters.OVERLAY_OUT, null, true, toMany || !policy.strictEgress());
    add(counters, GuardCounters.LINK_OUT, null, true, !policy.strictEgress());
    add(counters, GuardCounters.UNKNOWN_IN, null, false, !policy.strictIngress());
    add(counters, GuardCounters.TRANSLATED_IN, null, false, !policy.strictIngress());
    for (Exemption exemption : policy.exemptions()) {
      GuardReading.Sum sum = GuardReading.Sum.NONE;
      for (String counter : GuardCounters.exempt(exemption.name())) {
        sum = sum.plus(news(counters, counter));
      }
      exemptions.merge(exemption.name(), sum, GuardReading.Sum::plus);
    }
  }

  private static boolean strict(Policy policy, boolean out) {
    return out ? policy.strictEgress() : policy.strictIngress();
  }

  private void add(
      Map<String, Count> counters,
      String counter,
      @Nullable TrafficClass traffic,
      boolean out,
      boolean passes) {
    sums.merge(
        new GuardReading.Kind(Optional.ofNullable(traffic), out, passes),
        news(counters, counter),
        GuardReading.Sum::plus);
  }

  /** The packets since the last look; a counter that fell began anew. */
  private GuardReading.Sum news(Map<String, Count> counters, String counter) {
    Count now = counters.get(counter);
    if (now == null) {
      return GuardReading.Sum.NONE;
    }
    Count before = seen.put(counter, now);
    return before == null || now.packets() < before.packets()
        ? new GuardReading.Sum(now.packets(), now.bytes())
        : new GuardReading.Sum(now.packets() - before.packets(), now.bytes() - before.bytes());
  }
}
