// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.state.Kept;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A collection as it is believed to be. Immutable.
 *
 * @param objects by {@link dev.culvert.cluster.resource.Metadata#key}
 * @param version of the collection; 0 if nothing was ever read
 * @param rewoundTo the version that the API had when it came back older than it had been; 0 if that
 *     never happened, or was accepted. Objects last written up to then are not believed.
 * @param confirmed the time when the API last said so
 * @param missing names of objects that the API has no more, and that are kept nevertheless
 * @param older the states, by key, that the API shows of objects and that are not believed: they
 *     are older than the known ones, or cannot follow them
 * @param beforeRestore keys of objects whose states are from before a restore of etcd
 * @param gone the last versions of objects that were deleted, by key, the oldest first
 * @param trouble the last failure, since which nothing was confirmed; null if all is well
 */
public record View<T extends KubeObject>(
    Map<String, T> objects,
    long version,
    long rewoundTo,
    long confirmed,
    Set<String> missing,
    Map<String, T> older,
    Set<String> beforeRestore,
    SequencedMap<String, Long> gone,
    @Nullable String trouble) {
  public View {
    gone = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(gone));
  }

  /** Whether the collection was ever read. */
  public boolean known() {
    return version > 0;
  }

  /** This view to keep on disk. */
  public Kept<T> kept() {
    return new Kept<>(
        List.copyOf(objects.values()),
        version,
        rewoundTo,
        missing,
        List.copyOf(older.values()),
        beforeRestore,
        gone);
  }
}
