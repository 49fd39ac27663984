// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import dev.culvert.cluster.kube.KubeApi.Change;
import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.state.Kept;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The objects of one collection, and the rules by which the API is believed about them. That a peer
 * goes, or has another key, is a matter of security, so:
 *
 * <ul>
 *   <li>An object goes if a watch says so, or if one complete list lacks it.
 *   <li>If a list lacks more than a share of all objects, they are held: they stay until another
 *       list, some minutes later, lacks them too, or until an administrator accepts it.
 *   <li>The deletion of a CRD deletes its objects one by one. Objects of a CRD that goes are held.
 *       If nothing is known of the CRD, and a watch tells that many were deleted within a minute,
 *       all but the first of them are held ({@link Burst}). A minute later a list is asked for, and
 *       if there is one, it counts as any that lacks many. While the CRD is gone there is none.
 *   <li>Objects that protect ({@link Content.Deletion#IF_ACCEPTED}) go only if an administrator
 *       accepts it.
 *   <li>An empty list is believed only if another one is empty a minute later, accepted or not.
 *   <li>A list whose version, or one of whose objects, is older than the known one means that etcd
 *       was restored from a backup. Which of its objects were written since cannot be told, so none
 *       that differs from the known one is believed until it is written again: neither its former
 *       key, nor that a deleted object is back. The part that counts ({@link Content}) has to be
 *       written: a node whose claim is older than its key claims its key again at once, while its
 *       status is still the old one. Objects that the list lacks are held, however few they are,
 *       and for twice as long: nodes that joined after the backup are alive, publish themselves
 *       anew, and are accepted again when the registrar's own wait is over.
 *   <li>A state that cannot follow the known one ({@link Content#follows}) is not believed.
 * </ul>
 *
 * <p>If the restored etcd has already passed the known version, and none of the objects is older
 * than the known one, the restore is not noticed; {@code etcdutl snapshot restore --bump-revision
 * --mark-compacted} keeps changes of the restored etcd from being missed then.
 */
final class Beliefs<T extends KubeObject> {
  private static final int GONE = 1_000;

  private final FollowLimits limits;
  private final Content<T> content;
  private final Map<String, T> objects = new HashMap<>();

  /** Objects that are kept, and that the API does not have. */
  private final Map<String, Hold> holds = new HashMap<>();

  private final Burst burst;

  /** States that the API shows and that are not believed. */
  private final Map<String, T> older = new HashMap<>();

  /** Objects whose known states, and versions, are from before a restore. */
  private final Set<String> beforeRestore = new HashSet<>();

  /** The last versions of objects that are gone, the oldest first. */
  private final SequencedMap<String, Long> gone = new LinkedHashMap<>();

  /**
   * Why an object is kept.
   *
   * @param since when, or when a list is to be asked for first if that is spread over time
   * @param listed whether a list lacked the object; else its time does not count yet
   */
  private record Hold(long since, boolean listed) {}

  private long version;
  private long rewoundTo;
  private boolean accepted;
  private @Nullable Long emptySince;

  Beliefs(FollowLimits limits, Content<T> content, @Nullable Kept<T> kept, long now) {
    this.limits = limits;
    this.content = content;
    this.burst = new Burst(limits);
    if (kept != null) {
      kept.objects().forEach(object -> objects.put(object.metadata().key(), object));
      // The time on disk is not this machine's time since it started: from the next list again.
      kept.missing().forEach(name -> holds.put(name, new Hold(now, false)));
      beforeRestore.addAll(kept.beforeRestore());
      kept.older().forEach(object -> older.put(object.metadata().key(), object));
      gone.putAll(kept.gone());
      version = kept.version();
      rewoundTo = kept.rewoundTo();
    }
  }

  /** The number of a version; the API promises that versions of one collection can be compared. */
  static long number(String resourceVersion) {
    try {
      long number = Long.parseLong(resourceVersion);
      if (number > 0) {
        return number;
      }
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("not a resourceVersion: " + resourceVersion, e);
    }
    throw new IllegalArgumentException("not a resourceVersion: " + resourceVersion);
  }

  long version() {
    return version;
  }

  int size() {
    return objects.size();
  }

  /** The object that was written last; null if there is none. */
  @Nullable T newest() {
    return objects.values().stream().max(Comparator.comparingLong(Beliefs::number)).orElse(null);
  }

  /**
   * Whether the API shows a state that is older than the known one: the version of an object and
   * the generation of its spec only rise, and one that is deleted comes back with a later version.
   */
  boolean goesBack(T seen) {
    String name = seen.metadata().key();
    if (beforeRestore.contains(name)) {
      return false; // Versions from before and from after a restore cannot be compared.
    }
    T known = objects.get(name);
    if (known == null) {
      return number(seen) < gone.getOrDefault(name, 0L);
    }
    return number(seen) < number(known)
        || (seen.metadata().uid().equals(known.metadata().uid())
            && seen.metadata().generation() < known.metadata().generation());
  }

  private void goes(String name, long lastVersion) {
    objects.remove(name);
    beforeRestore.remove(name);
    gone.remove(name);
    gone.put(name, lastVersion);
    if (gone.size() > GONE) {
      gone.pollFirstEntry();
    }
  }

  private static long number(KubeObject object) {
    return number(object.metadata().resourceVersion());
  }

  /** The next list is believed, unless it is a first empty one. */
  void accept() {
    accepted = true;
  }

  /** Takes a complete list of one version. */
  void listed(long now, long listVersion, List<T> items) {
    long newestOfOld =
        items.stream().filter(this::goesBack).mapToLong(Beliefs::number).max().orElse(0);
    boolean rewound = listVersion < version || newestOfOld > 0;
    int knownBefore = objects.size();
    if (accepted) {
      rewoundTo = 0;
    } else if (rewound) {
      rewoundTo = Math.min(listVersion, Math.max(version, newestOfOld));
    }
    // Later versions than this one are given a second time.
    gone.replaceAll((name, last) -> Math.min(last, accepted ? 0 : rewound ? rewoundTo + 1 : last));
    Set<String> missing = new HashSet<>(objects.keySet());
    Map<String, T> shownBefore = Map.copyOf(older);
    older.clear();
    for (T item : items) {
      String name = item.metadata().key();
      missing.remove(name);
      take(name, item, shownBefore.get(name));
    }
    boolean many = missing.size() > limits.holdFrom() * knownBefore;
    boolean trusted = !items.isEmpty() || knownBefore == 0 || emptyTwice(now);
    holds.keySet().retainAll(missing);
    for (String name : missing) {
      Hold hold = holds.get(name);
      boolean told = hold != null && !hold.listed();
      if (rewound) {
        beforeRestore.add(name);
      }
      if (rewound || told) {
        holds.put(name, new Hold(now, true));
      }
      if (!trusted || !mayGo(now, name, many || told)) {
        holds.putIfAbsent(name, new Hold(now, true));
      } else {
        // A list may lack an object by mistake, so the same state may come back.
        T last = Objects.requireNonNull(objects.get(name));
        goes(name, beforeRestore.contains(name) ? 0 : number(last));
        holds.remove(name);
      }
    }
    if (!items.isEmpty() || objects.isEmpty()) {
      emptySince = null;
    }
    accepted &= !trusted;
    version = listVersion;
  }

  /**
   * Takes an object, or remembers it as not believed.
   *
   * @param shown the state that was not believed last
   */
  private void take(String name, T item, @Nullable T shown) {
    T known = objects.get(name);
    boolean written = number(item) > rewoundTo;
    boolean rewritten =
        written && shown != null && number(shown) <= rewoundTo && content.isSame(shown, item);
    boolean possible = known == null || content.follows(known, item);
    gone.remove(name);
    if (accepted || item.equals(known) || (written && !rewritten && possible)) {
      objects.put(name, item);
      older.remove(name);
      beforeRestore.remove(name);
    } else {
      if (!written && known != null) {
        beforeRestore.add(name);
      }
      older.put(name, rewritten ? Objects.requireNonNull(shown) : item);
    }
  }

  private boolean emptyTwice(long now) {
    Long since = emptySince;
    if (since == null) {
      emptySince = now;
      return false;
    }
    return reached(now, since, limits.emptyAgain());
  }

  private boolean mayGo(long now, String name, boolean many) {
    if (accepted) {
      return true;
    }
    if (isLasting(name)) {
      return false;
    }
    if (!many && !beforeRestore.contains(name)) {
      return true;
    }
    Hold hold = holds.get(name);
    return hold != null && now - listDue(name, hold) >= 0;
  }

  private boolean isLasting(String name) {
    T known = objects.get(name);
    return known != null && content.deletion(known) == Content.Deletion.IF_ACCEPTED;
  }

  /** When a list could end a hold, or begin its time. */
  private long listDue(String name, Hold hold) {
    Duration wait =
        hold.listed()
            ? limits.hold().multipliedBy(beforeRestore.contains(name) ? 2 : 1)
            : limits.emptyAgain();
    return hold.since() + wait.toNanos();
  }

  private static boolean reached(long now, long since, Duration after) {
    return now - since >= after.toNanos();
  }

  /**
   * Takes a change of an unbroken watch.
   *
   * @param kind whether the API still has the kind, if the change is a deletion
   * @param spread the wait before the first list if the change is a deletion that is held: all
   *     nodes hold it at the same time
   * @return whether it belongs there: an older version or state than the last one does not
   */
  boolean changed(long now, Change<T> change, KindStanding kind, Supplier<Duration> spread) {
    long number = number(change.resourceVersion());
    T object = change.object();
    boolean deleted = change.type() == Change.Type.DELETED;
    if (number < version || (object != null && !deleted && goesBack(object))) {
      return false;
    }
    if (object != null) {
      String name = object.metadata().key();
      if (deleted) {
        deleted(now, name, number, kind, spread);
      } else {
        holds.remove(name);
        take(name, object, older.get(name));
        emptySince = null;
      }
    }
    version = number;
    return true;
  }

  /**
   * Whether a reader of the view could see a change. A node may write its claim as often as it
   * likes, which each other node hears; only its status counts.
   */
  boolean counts(Change<T> change) {
    T object = change.object();
    if (object == null) {
      return false;
    }
    String name = object.metadata().key();
    T known = objects.get(name);
    return change.type() == Change.Type.DELETED
        || known == null
        || !content.isSame(known, object)
        || holds.containsKey(name)
        || older.containsKey(name)
        || beforeRestore.contains(name);
  }

  /** Whether this change is a deletion that is believed or not by its kind's standing. */
  boolean asksForKind(Change<T> change) {
    T object = change.object();
    T known = object == null ? null : objects.get(object.metadata().key());
    return change.type() == Change.Type.DELETED
        && known != null
        && content.deletion(known) == Content.Deletion.UNLESS_MANY;
  }

  /** Whether the deletion of an object in force may be believed or not by its kind's standing. */
  boolean asksForKind() {
    return objects.values().stream()
        .anyMatch(known -> content.deletion(known) == Content.Deletion.UNLESS_MANY);
  }

  private void deleted(
      long now, String name, long number, KindStanding kind, Supplier<Duration> spread) {
    older.remove(name);
    T known = objects.get(name);
    if (known == null || isBelieved(now, known, kind)) {
      holds.remove(name);
      goes(name, number);
    } else {
      holds.putIfAbsent(name, new Hold(now + spread.get().toNanos(), false));
    }
  }

  private boolean isBelieved(long now, T known, KindStanding kind) {
    return switch (content.deletion(known)) {
      case AT_ONCE -> true;
      case IF_ACCEPTED -> false;
      case UNLESS_MANY ->
          switch (kind) {
            case STAYS -> true;
            case GOES -> false;
            case UNKNOWN -> !isOneOfMany(now, known);
          };
    };
  }

  private boolean isOneOfMany(long now, T known) {
    int held = (int) holds.values().stream().filter(hold -> !hold.listed()).count();
    return burst.isTooMany(now, known.metadata().key(), objects.keySet(), held);
  }

  /** When another list could end a hold. */
  OptionalLong listDue() {
    if (holds.isEmpty()) {
      return OptionalLong.empty();
    }
    Long empty = emptySince;
    if (empty != null && accepted) {
      return OptionalLong.of(empty + limits.emptyAgain().toNanos());
    }
    return holds.entrySet().stream()
        .filter(hold -> !isLasting(hold.getKey()))
        .mapToLong(hold -> listDue(hold.getKey(), hold.getValue()))
        .min();
  }

  View<T> view(long confirmed, @Nullable String trouble) {
    return new View<>(
        Map.copyOf(objects),
        version,
        rewoundTo,
        confirmed,
        Set.copyOf(holds.keySet()),
        Map.copyOf(older),
        Set.copyOf(beforeRestore),
        gone,
        trouble);
  }
}
