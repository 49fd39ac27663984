// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.Node;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Compares the cluster with the registrar's decisions, and writes the difference, round by round.
 * For one thread.
 */
final class RegistrarLoop implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(RegistrarLoop.class);

  /** Kubernetes deletes a claim with its Node by itself, in about ten seconds. */
  static final Duration ORPHAN_AFTER = Duration.ofSeconds(30);

  /** Then all is compared again, so that no node has to wait long for a decision of this size. */
  private static final int WRITES_PER_ROUND = 100;

  private static final int PAGE = 500;

  private final KubeApi api;
  private final Registrar registrar;
  private final LeaderLease lease;
  private final Supplier<@Nullable Seen> seen;
  private final Counters counters;
  private final LongSupplier nanoTime;
  private final StatusWriter writer;

  private final Desk desk = new Desk();
  private final WritePacer pacer = new WritePacer();
  private final Map<String, Long> orphansSince = new HashMap<>();
  private boolean ready;
  private long claimsVersion;
  private String trouble = "";

  /**
   * The cluster as the watches tell it.
   *
   * @param nodes by name
   * @param claimsVersion up to which the claims are known
   * @param restored as in {@link Registrar.View}
   */
  record Seen(
      Map<String, Node> nodes,
      Collection<CulvertNode> claims,
      long claimsVersion,
      RangeSource ranges,
      boolean restored) {}

  /**
   * A loop that has not begun.
   *
   * @param seen gives null as long as a collection was not read completely
   * @param nanoTime monotonic
   */
  RegistrarLoop(
      KubeApi api,
      Registrar registrar,
      LeaderLease lease,
      Supplier<@Nullable Seen> seen,
      Counters counters,
      LongSupplier nanoTime) {
    this.api = api;
    this.registrar = registrar;
    this.lease = lease;
    this.seen = seen;
    this.counters = counters;
    this.nanoTime = nanoTime;
    this.writer = new StatusWriter(api, () -> lease.holds(nanoTime.getAsLong()));
  }

  /**
   * One round.
   *
   * @return after how many nanoseconds the next one is due, if nothing changes before
   */
  long round() throws InterruptedException {
    long now = nanoTime.getAsLong();
    if (!lease.holds(now)) {
      stopLeading();
      // A lease that ran out and was renewed before its keeper looked is not told as a change.
      return LeaderLease.RETRY.toNanos();
    }
    Seen cluster = seen.get();
    if (cluster == null) {
      return Duration.ofSeconds(1).toNanos();
    }
    if (cluster.claimsVersion() < claimsVersion) {
      // etcd was restored: the objects that this leader read or wrote may be there no more.
      desk.wentBack();
      ready = false;
    } else if (!cluster.restored()) {
      desk.believe();
    }
    claimsVersion = cluster.claimsVersion();
    if (!ready && !begin()) {
      return Duration.ofSeconds(1).toNanos();
    }
    writeAll(retries(now));
    Collection<CulvertNode> claims = desk.merged(cluster.claims(), cluster.claimsVersion());
    Registrar.Decision decision = decide(cluster, claims);
    long afterDecision = nanoTime.getAsLong();
    List<StatusChange> due = new ArrayList<>();
    for (StatusChange change : decision.changes()) {
      if (due.size() < WRITES_PER_ROUND && pacer.mayWrite(change.name(), afterDecision)) {
        due.add(change);
      }
    }
    writeAll(due);
    deleteOrphans(decision.orphans(), nanoTime.getAsLong());
    if (due.size() == WRITES_PER_ROUND) {
      return 0;
    }
    long next = Math.min(pacer.untilNext(nanoTime.getAsLong()), untilOrphan(nanoTime.getAsLong()));
    return cluster.restored() ? Math.min(next, Duration.ofSeconds(1).toNanos()) : next;
  }

  private void stopLeading() {
    ready = false;
    desk.clear();
    pacer.clear();
    orphansSince.clear();
  }

  /**
   * Reads all claims once: the watch may lag behind the writes of an earlier leader, and after a
   * restore of etcd behind those of this one.
   */
  private boolean begin() {
    try {
      String next = null;
      do {
        KubeApi.Page<CulvertNode> page =
            api.list(ResourceKind.CULVERT_NODES, new KubeApi.ListQuery(null, PAGE, next, null));
        page.items().forEach(desk::seen);
        next = page.next();
      } while (next != null);
      ready = true;
    } catch (KubeException e) {
      LOG.warn(
          LogEvent.API_FAILED, "the CulvertNodes cannot be read: {}", Field.reason(e.getMessage()));
      desk.forgetSeen();
    }
    return ready;
  }

  private List<StatusChange> retries(long now) {
    return desk.doubts().stream().filter(change -> pacer.mayWrite(change.name(), now)).toList();
  }

  private Registrar.Decision decide(Seen cluster, Collection<CulvertNode> claims) {
    long start = nanoTime.getAsLong();
    Instant now = Instant.now();
    Registrar.Decision decision =
        registrar.decide(
            new Registrar.View(
                cluster.nodes(),
                claims,
                cluster.ranges(),
                desk.doubtfulStatuses(),
                cluster.restored()),
            now);
    counters.decided(nanoTime.getAsLong() - start, claims, now);
    return decision;
  }

  private void writeAll(List<StatusChange> changes) throws InterruptedException {
    if (changes.isEmpty()) {
      return;
    }
    List<StatusWriter.Outcome> outcomes = writer.write(changes);
    for (int i = 0; i < changes.size(); i++) {
      take(changes.get(i), outcomes.get(i), nanoTime.getAsLong());
    }
  }

  private void take(StatusChange change, StatusWriter.Outcome outcome, long now) {
    String name = change.name();
    switch (outcome) {
      case StatusWriter.Written(CulvertNode object) -> written(change, object, now);
      case StatusWriter.Late(CulvertNode object) -> {
        counters.conflicts.increment();
        desk.settled(name);
        desk.seen(object);
        pacer.written(name, now);
      }
      case StatusWriter.Gone() -> {
        desk.gone(name);
        pacer.written(name, now);
      }
      case StatusWriter.Refused(KubeException error) -> {
        counters.refusals.increment();
        pacer.failed(name, now, error);
        report("a status was not written: " + error.getMessage());
      }
      case StatusWriter.Unknown(KubeException error) -> {
        counters.failures.increment();
        desk.doubt(change);
        pacer.failed(name, now, error);
        report("a status may not be written: " + error.getMessage());
      }
      case StatusWriter.NotSent() -> pacer.written(name, now);
    }
  }

  private void written(StatusChange change, CulvertNode object, long now) {
    String name = change.name();
    counters.writes.increment();
    desk.settled(name);
    desk.seen(object);
    if (change.status().equals(object.status())) {
      pacer.written(name, now);
      trouble = "";
      report(change);
    } else {
      // Else the difference would be written again and again.
      counters.altered.increment();
      pacer.failed(name, now, null);
      report("the API server stores another status than was sent: is its CRD older?");
    }
  }

  /** Says it once, not for each node and attempt. */
  private void report(String failure) {
    if (!failure.equals(trouble)) {
      LOG.warn(LogEvent.API_FAILED, "{}", Field.reason(failure));
    }
    trouble = failure;
  }

  private static void report(StatusChange change) {
    CulvertNode.Status before = change.object().status();
    CulvertNode.Status after = change.status();
    if (before == null || before.phase() != after.phase()) {
      boolean expected = after.phase() != CulvertNode.Phase.REJECTED;
      if (expected) {
        LOG.debug(LogEvent.NODE_PHASE, "{} is {}", change.name(), after.phase().text());
      } else {
        LOG.warn(LogEvent.NODE_REJECTED, "{} is {}", change.name(), after.phase().text());
      }
    }
  }

  private void deleteOrphans(List<CulvertNode> orphans, long now) {
    Map<String, Long> since = new HashMap<>();
    for (CulvertNode orphan : orphans) {
      String uid = orphan.metadata().uid();
      long first = orphansSince.getOrDefault(uid, now);
      if (now - first < ORPHAN_AFTER.toNanos()) {
        since.put(uid, first);
      } else {
        since.put(uid, now);
        delete(orphan);
      }
    }
    orphansSince.clear();
    orphansSince.putAll(since);
  }

  private void delete(CulvertNode orphan) {
    String name = orphan.metadata().name();
    String failure = writer.delete(orphan);
    if (failure == null) {
      counters.deletions.increment();
      desk.gone(name);
      LOG.info(LogEvent.NODE_DELETED, "the CulvertNode {} was deleted: its Node is gone", name);
    } else {
      LOG.warn(
          LogEvent.API_FAILED,
          "the CulvertNode {} of a Node that is gone was not deleted: {}",
          name,
          Field.reason(failure));
    }
  }

  private long untilOrphan(long now) {
    return orphansSince.values().stream()
        .mapToLong(first -> Math.max(0, first + ORPHAN_AFTER.toNanos() - now))
        .min()
        .orElse(Long.MAX_VALUE);
  }

  @Override
  public void close() {
    writer.close();
  }
}
