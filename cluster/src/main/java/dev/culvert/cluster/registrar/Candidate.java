// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.resource.Condition;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertNode.Phase;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** One CulvertNode in the course of a decision. */
final class Candidate {
  private static final EventLog LOG = EventLog.of(Candidate.class);

  private static final CulvertNode.Status NOTHING =
      new CulvertNode.Status(
          Phase.PENDING,
          null,
          null,
          null,
          List.of(),
          List.of(),
          List.of(),
          List.of(),
          Map.of(),
          List.of());

  /** Follows every time. */
  private static final String LAST = "~";

  /** The first owner comes first: by time of acceptance, then of creation, then by name. */
  static final Comparator<Candidate> FIRST_OWNER =
      Comparator.<Candidate, Boolean>comparing(candidate -> !candidate.accepted)
          .thenComparing(candidate -> candidate.acceptedAt)
          .thenComparing(candidate -> candidate.createdAt)
          .thenComparing(candidate -> candidate.name);

  final CulvertNode object;
  final String name;
  final CulvertNode.Status before;

  /** Whether the others believe it now. */
  final boolean accepted;

  /** Null if the object is out of the race: its Node is gone, or an administrator rejects it. */
  final @Nullable Facts facts;

  private final String acceptedAt;
  private final String createdAt;

  /** The addresses that it gets. */
  final List<IpAddress> addresses = new ArrayList<>();

  final List<Prefix> ranges = new ArrayList<>();
  final List<Conflict> conflicts = new ArrayList<>();

  /** Whether a claim has to wait until another node's release of it is written. */
  boolean waits;

  /** A claim that is refused. */
  record Conflict(String reason, String message) {}

  Candidate(CulvertNode object, @Nullable Facts facts) {
    this.object = object;
    this.facts = facts;
    name = object.metadata().name();
    CulvertNode.Status status = object.status();
    before = status == null ? NOTHING : status;
    accepted = before.phase() == Phase.ACCEPTED;
    Condition key = Condition.find(before.conditions(), Condition.KEY_ACCEPTED);
    // Both are text of one format, whose order is that of the times.
    acceptedAt =
        accepted && key != null && key.lastTransitionTime() != null
            ? key.lastTransitionTime()
            : LAST;
    String created = object.metadata().creationTimestamp();
    createdAt = created == null ? LAST : created;
  }

  /** The ranges that it holds and still claims. */
  List<Prefix> heldRanges() {
    List<Prefix> held = ranges(before);
    if (facts == null || facts.ranges() == null) {
      return held;
    }
    Set<Prefix> claimed = new HashSet<>(facts.ranges());
    return held.stream().filter(claimed::contains).toList();
  }

  /** The addresses that it holds and still claims, in the order of its claim. */
  List<IpAddress> heldAddresses() {
    List<IpAddress> held = addresses(before);
    return facts == null || facts.addresses() == null
        ? held
        : facts.addresses().stream().filter(held::contains).toList();
  }

  static List<Prefix> ranges(CulvertNode.Status status) {
    return parsed(status.ranges(), Prefix::parse);
  }

  static List<IpAddress> addresses(CulvertNode.Status status) {
    return parsed(status.addresses(), IpAddress::parse);
  }

  /** A text that is none has no owner, and is not written again: one status must not stop all. */
  private static <T> List<T> parsed(List<String> texts, Function<String, T> parser) {
    List<T> values = new ArrayList<>();
    for (String text : texts) {
      try {
        values.add(parser.apply(text));
      } catch (IllegalArgumentException e) {
        LOG.per("status")
            .warn(
                LogEvent.NODE_UNREADABLE,
                "a status has a range or address that is none: {}",
                Field.reason(e.getMessage()));
      }
    }
    return values;
  }
}
