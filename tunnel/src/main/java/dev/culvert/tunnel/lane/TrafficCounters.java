// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.routing.TrafficClass;
import dev.culvert.routing.Verdict;
import dev.culvert.tunnel.lane.TrafficStatus.Volume;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts the verdicts on one lane's packets. Written by its own thread, read by any. A rule's count
 * stays when a later classifier no longer has the rule.
 */
public final class TrafficCounters {
  private static final TrafficClass[] CLASSES = TrafficClass.values();

  private final Counter[] encrypted = new Counter[CLASSES.length];
  private final Map<String, Counter> bypassed = new ConcurrentHashMap<>();
  private Counter[] byRule = {};

  private static final class Counter {
    private final AtomicLong packets = new AtomicLong();
    private final AtomicLong bytes = new AtomicLong();

    void add(int morePackets, long moreBytes) {
      packets.lazySet(packets.getPlain() + morePackets);
      bytes.lazySet(bytes.getPlain() + moreBytes);
    }

    boolean any() {
      return packets.get() != 0;
    }

    Volume volume() {
      return new Volume(packets.get(), bytes.get());
    }
  }

  TrafficCounters() {
    for (int i = 0; i < encrypted.length; i++) {
      encrypted[i] = new Counter();
    }
  }

  /** Sets the rules to which a {@link Verdict.Bypass#index} points. */
  void rules(List<String> names) {
    byRule = new Counter[names.size()];
    for (int i = 0; i < byRule.length; i++) {
      byRule[i] = bypassed.computeIfAbsent(names.get(i), name -> new Counter());
    }
  }

  void encrypted(Verdict.Encrypt verdict, int packets, long bytes) {
    encrypted[verdict.traffic().ordinal()].add(packets, bytes);
  }

  void bypassed(Verdict.Bypass verdict, int packets, long bytes) {
    byRule[verdict.index()].add(packets, bytes);
  }

  /** Adds the counts that are not zero to the sums. */
  public void addTo(Map<TrafficClass, Volume> encryptedSum, Map<String, Volume> bypassedSum) {
    for (int i = 0; i < encrypted.length; i++) {
      if (encrypted[i].any()) {
        encryptedSum.merge(CLASSES[i], encrypted[i].volume(), Volume::plus);
      }
    }
    bypassed.forEach(
        (rule, counter) -> {
          if (counter.any()) {
            bypassedSum.merge(rule, counter.volume(), Volume::plus);
          }
        });
  }
}
