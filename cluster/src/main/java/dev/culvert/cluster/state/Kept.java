// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.state;

import dev.culvert.cluster.resource.KubeObject;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;

/**
 * A collection as it was kept on disk.
 *
 * @param version of the collection
 * @param rewoundTo of the list that the API gave when it came back older than it had been; 0 if it
 *     never did
 * @param missing objects that the API had no more and that were kept nevertheless
 * @param older states that the API showed of objects and that were not believed
 * @param beforeRestore names of objects whose states are from before a restore of etcd
 * @param gone the last versions of objects that were deleted, the oldest first
 */
public record Kept<T extends KubeObject>(
    List<T> objects,
    long version,
    long rewoundTo,
    Set<String> missing,
    List<T> older,
    Set<String> beforeRestore,
    SequencedMap<String, Long> gone) {
  /** A collection about which there are no doubts. */
  public static <T extends KubeObject> Kept<T> of(List<T> objects, long version) {
    return new Kept<>(objects, version, 0, Set.of(), List.of(), Set.of(), new LinkedHashMap<>());
  }

  public Kept {
    objects = List.copyOf(objects);
    missing = Set.copyOf(missing);
    older = List.copyOf(older);
    beforeRestore = Set.copyOf(beforeRestore);
    gone = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(gone));
  }
}
