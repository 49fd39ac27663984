// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertNode.Status;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A leader's knowledge beyond the watch, which lags: objects that it read or wrote itself, and
 * statuses whose fate it does not know. Without it a decision could give away a range that an
 * earlier decision has just given to another node. For one thread at a time.
 */
final class Desk {
  private final Map<String, CulvertNode> newer = new HashMap<>();
  private final Map<String, StatusChange> inDoubt = new HashMap<>();

  /** Those in doubt when the server went back to an earlier state. */
  private final Map<String, Status> lost = new HashMap<>();

  /** An object as the server answered it. */
  void seen(CulvertNode object) {
    newer.merge(
        object.metadata().name(),
        object,
        (old, fresh) -> version(fresh) > version(old) ? fresh : old);
  }

  /** The object is not there any more, whatever the watch says. */
  void gone(String name) {
    newer.remove(name);
    inDoubt.remove(name);
  }

  /** Forgets the objects that were seen. */
  void forgetSeen() {
    newer.clear();
  }

  /**
   * The server went back to an earlier state, so versions of objects from before say nothing any
   * more. A status in doubt may still arrive, and is not sent again: the server would take it if
   * its object was not changed since the backup, though others may have its ranges there.
   */
  void wentBack() {
    forgetSeen();
    inDoubt.forEach((name, change) -> lost.put(name, change.status()));
    inDoubt.clear();
  }

  /** The earlier state is believed, minutes after {@link #wentBack}: nothing arrives any more. */
  void believe() {
    lost.clear();
  }

  /** A status that was sent. It is sent again whatever its Node does, so that its fate is known. */
  void doubt(StatusChange change) {
    inDoubt.put(change.name(), new StatusChange(change.object(), change.status(), false));
  }

  void settled(String name) {
    inDoubt.remove(name);
  }

  /** Statuses that were sent and may be in force or not, to be sent again. */
  List<StatusChange> doubts() {
    return List.copyOf(inDoubt.values());
  }

  Map<String, Status> doubtfulStatuses() {
    Map<String, Status> statuses = new HashMap<>(lost);
    inDoubt.forEach((name, change) -> statuses.put(name, change.status()));
    return statuses;
  }

  /**
   * All objects, each in its newest known state.
   *
   * @param watched by the watch
   * @param watchedVersion up to which the watch knows everything
   */
  Collection<CulvertNode> merged(Collection<CulvertNode> watched, long watchedVersion) {
    newer.values().removeIf(object -> version(object) <= watchedVersion);
    if (newer.isEmpty()) {
      return watched;
    }
    List<CulvertNode> merged = new ArrayList<>(newer.values());
    for (CulvertNode object : watched) {
      if (!newer.containsKey(object.metadata().name())) {
        merged.add(object);
      }
    }
    return merged;
  }

  private static long version(CulvertNode object) {
    return Long.parseLong(object.metadata().resourceVersion());
  }

  void clear() {
    newer.clear();
    inDoubt.clear();
    lost.clear();
  }
}
