// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertNode.Phase;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Collection;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** Counts for {@link RegistrarStats}. */
final class Counters {
  final LongAdder decisions = new LongAdder();
  final LongAdder writes = new LongAdder();
  final LongAdder conflicts = new LongAdder();
  final LongAdder refusals = new LongAdder();
  final LongAdder failures = new LongAdder();
  final LongAdder altered = new LongAdder();
  final LongAdder deletions = new LongAdder();

  private volatile long lastDecisionNanos;
  private volatile long longestPendingSeconds;
  private volatile Map<Phase, Integer> phases = Map.of();

  void decided(long nanos, Collection<CulvertNode> claims, Instant now) {
    decisions.increment();
    lastDecisionNanos = nanos;
    Map<Phase, Integer> counts = new EnumMap<>(Phase.class);
    long longest = 0;
    for (CulvertNode claim : claims) {
      CulvertNode.Status status = claim.status();
      Phase phase = status == null ? Phase.PENDING : status.phase();
      counts.merge(phase, 1, Integer::sum);
      if (phase == Phase.PENDING) {
        longest = Math.max(longest, ageSeconds(claim, now));
      }
    }
    phases = counts;
    longestPendingSeconds = longest;
  }

  private static long ageSeconds(CulvertNode claim, Instant now) {
    String created = claim.metadata().creationTimestamp();
    try {
      return created == null ? 0 : Duration.between(Instant.parse(created), now).toSeconds();
    } catch (DateTimeParseException e) {
      return 0; // Only for people; the API server writes it.
    }
  }

  long lastDecisionNanos() {
    return lastDecisionNanos;
  }

  RegistrarStats stats(boolean leads) {
    return new RegistrarStats(
        leads,
        decisions.sum(),
        lastDecisionNanos,
        writes.sum(),
        conflicts.sum(),
        refusals.sum(),
        failures.sum(),
        altered.sum(),
        deletions.sum(),
        phases.getOrDefault(Phase.ACCEPTED, 0),
        phases.getOrDefault(Phase.PENDING, 0),
        phases.getOrDefault(Phase.REJECTED, 0),
        longestPendingSeconds);
  }
}
