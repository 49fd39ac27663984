// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.resource.Lease;
import dev.culvert.cluster.resource.Metadata;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One replica's view of the Lease by which one of them leads, as Kubernetes' own components use it.
 * Sans-I/O: the caller reads and writes the Lease, and tells the time.
 *
 * <p>Clocks of different machines are never compared. A replica takes over a Lease that it did not
 * see change for {@link #DURATION} of its own monotonic time; the times in the Lease are for
 * people. The leader counts {@link #RENEW_WITHIN} from when it sent its last successful renewal, so
 * it stops some seconds before another one can take over. A request that the network delivers later
 * than that is not called back; each write names the version that was read, so it can be in force
 * only on an object that has not changed since. For one thread at a time but for {@link #holds}.
 */
final class LeaderLease {
  static final Duration DURATION = Duration.ofSeconds(15);
  static final Duration RENEW_WITHIN = Duration.ofSeconds(10);
  static final Duration RETRY = Duration.ofSeconds(2);

  private static final DateTimeFormatter MICROS =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSS'Z'", Locale.ROOT)
          .withZone(ZoneOffset.UTC);

  private final String name;
  private final String identity;
  private final Map<String, String> annotations;

  private @Nullable Observed observed;
  private volatile @Nullable Long renewedAt;

  /** The Lease as it was last seen to change, and when that was. */
  private record Observed(String version, long at) {}

  /**
   * A Lease that a replica wants to write.
   *
   * @param create whether the Lease is to be made, rather than replaced
   */
  record Proposal(Map<String, Object> lease, boolean create) {}

  /**
   * A lease that is not held.
   *
   * @param identity of this replica, unlike that of every other one, and of its earlier runs
   * @param annotations of the Lease while this replica holds it
   */
  LeaderLease(String name, String identity, Map<String, String> annotations) {
    this.name = name;
    this.identity = identity;
    this.annotations = annotations;
  }

  /**
   * The Lease to write after a read; null if another replica leads.
   *
   * @param present null if there is no Lease
   * @param now monotonic nanoseconds
   * @param clock for people
   */
  @Nullable Proposal read(@Nullable Lease present, long now, Instant clock) {
    if (present == null) {
      observed = null;
      renewedAt = null;
      return new Proposal(lease(null, clock, text(clock), 0, identity), true);
    }
    observe(present, now);
    Lease.Spec spec = present.spec();
    String holder = holder(present);
    if (identity.equals(holder)) {
      String since = spec == null || spec.acquireTime() == null ? text(clock) : spec.acquireTime();
      return new Proposal(lease(present, clock, since, transitions(spec), identity), false);
    }
    renewedAt = null;
    boolean free = holder == null || now - Objects.requireNonNull(observed).at() >= wait(spec);
    return free
        ? new Proposal(lease(present, clock, text(clock), transitions(spec) + 1, identity), false)
        : null;
  }

  private void observe(Lease present, long now) {
    String version = present.metadata().resourceVersion();
    Observed before = observed;
    if (before == null || !before.version().equals(version)) {
      observed = new Observed(version, now);
    }
  }

  private static @Nullable String holder(Lease lease) {
    Lease.Spec spec = lease.spec();
    String holder = spec == null ? null : spec.holderIdentity();
    return holder == null || holder.isEmpty() ? null : holder;
  }

  private static long wait(Lease.@Nullable Spec spec) {
    Integer seconds = spec == null ? null : spec.leaseDurationSeconds();
    return Math.max(
        DURATION.toNanos(), seconds == null ? 0 : Duration.ofSeconds(seconds).toNanos());
  }

  private static int transitions(Lease.@Nullable Spec spec) {
    Integer transitions = spec == null ? null : spec.leaseTransitions();
    return transitions == null ? 0 : transitions;
  }

  /**
   * A proposal was written.
   *
   * @param stored the server's answer
   * @param sentAt when it was sent
   */
  void written(Lease stored, long sentAt) {
    observe(stored, sentAt);
    renewedAt = identity.equals(holder(stored)) ? sentAt : null;
  }

  /** Whether this replica leads. Another thread may ask. */
  boolean holds(long now) {
    Long since = renewedAt;
    return since != null && now - since < RENEW_WITHIN.toNanos();
  }

  /** A Lease without a holder, for a replica that stops; null if it does not hold it. */
  @Nullable Map<String, Object> release(Lease present, Instant clock) {
    renewedAt = null;
    if (!identity.equals(holder(present))) {
      return null;
    }
    return lease(present, clock, text(clock), transitions(present.spec()), "");
  }

  private Map<String, Object> lease(
      @Nullable Lease present, Instant clock, String since, int transitions, String holder) {
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("name", name);
    metadata.put("annotations", holder.isEmpty() ? Map.of() : annotations);
    if (present != null) {
      Metadata before = present.metadata();
      metadata.put("uid", before.uid());
      metadata.put("resourceVersion", before.resourceVersion());
      metadata.put("labels", before.labels());
    }
    return Map.of(
        "apiVersion",
        "coordination.k8s.io/v1",
        "kind",
        "Lease",
        "metadata",
        metadata,
        "spec",
        new Lease.Spec(holder, (int) DURATION.toSeconds(), since, text(clock), transitions));
  }

  /** With six digits of a second, as the API wants it. */
  private static String text(Instant clock) {
    return MICROS.format(clock);
  }
}
