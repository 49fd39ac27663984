// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.tunnel.engine.StateWriter;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * The global keys that this node has: those of the file, and those that the file no longer has but
 * that a peer may still need.
 */
final class KeyRing implements AutoCloseable {
  private final TreeMap<Integer, GlobalKey> keys = new TreeMap<>();
  private final Set<Integer> inFile = new HashSet<>();
  private int published;

  KeyRing(KeyFile file) {
    take(file);
  }

  /**
   * Takes the keys of a new file, all or none.
   *
   * @return whether the published key changed
   * @throws RotationRefusedException if the file does not follow from the keys in use
   */
  boolean rotate(KeyFile file) throws RotationRefusedException {
    for (GlobalKey key : file.keys()) {
      check(key);
    }
    int next = file.published().id();
    if (next != published && !KeyIds.isNewer(next, published)) {
      throw new RotationRefusedException(
          "key id %d is not 1 to 7 steps ahead of key id %d (after 15 comes 1)"
              .formatted(next, published));
    }
    boolean changed = next != published;
    take(file);
    return changed;
  }

  private void check(GlobalKey key) throws RotationRefusedException {
    GlobalKey same = keys.get(key.id());
    if (same != null && !same.isIdenticalTo(key)) {
      throw new RotationRefusedException(
          "key id %d is in use with another key: a new key needs a new id".formatted(key.id()));
    }
    for (GlobalKey held : keys.values()) {
      if (held.aesKeyLength() != key.aesKeyLength()) {
        throw new RotationRefusedException(
            "key id %d is for AES-%d, those in use are for AES-%d: the length cannot change"
                .formatted(key.id(), 8 * key.aesKeyLength(), 8 * held.aesKeyLength()));
      }
      if (held.id() != key.id() && held.hasSameKeyAs(key)) {
        throw new RotationRefusedException(
            "key id %d is the same key as id %d: a new id needs a new key"
                .formatted(key.id(), held.id()));
      }
    }
  }

  /**
   * Whether this ring, whose keys are those of a file, follows from the keys that another process
   * had in use, as if that process had taken the file.
   */
  boolean follows(List<GlobalKey> before, int publishedBefore) {
    try {
      for (GlobalKey key : before) {
        check(key);
      }
    } catch (RotationRefusedException e) {
      return false;
    }
    return published == publishedBefore || KeyIds.isNewer(published, publishedBefore);
  }

  /** Takes over a key that another process still had for a peer; false if it is here already. */
  boolean keep(GlobalKey key) {
    return keys.putIfAbsent(key.id(), key) == null;
  }

  /** Writes the keys and the id of the published one. */
  void save(StateWriter out) {
    out.int32(published).list(keys.values(), key -> key.save(out));
  }

  private void take(KeyFile file) {
    inFile.clear();
    for (GlobalKey key : file.keys()) {
      inFile.add(key.id());
      if (!keys.containsKey(key.id())) {
        keys.put(key.id(), key.copy());
      }
    }
    published = file.published().id();
  }

  @Nullable GlobalKey get(int id) {
    return keys.get(id);
  }

  /** The id of the key that we will send with once every peer has it. */
  int published() {
    return published;
  }

  /** The ids of all keys: bit n for id n. */
  int heldIds() {
    int bits = 0;
    for (int id : keys.keySet()) {
      bits |= 1 << id;
    }
    return bits;
  }

  /** All ids, the published one first, then back around the circle. */
  int[] newestFirst() {
    return keys.keySet().stream()
        .sorted((a, b) -> KeyIds.steps(a, published) - KeyIds.steps(b, published))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  /**
   * Wipes keys that the file no longer has and that no peer needs.
   *
   * @return the wiped ids, bit n for id n
   */
  int retire(IntPredicate needed) {
    int gone = 0;
    for (int id : newestFirst()) {
      if (!inFile.contains(id) && !needed.test(id)) {
        GlobalKey key = keys.remove(id);
        if (key != null) {
          key.close();
          gone |= 1 << id;
        }
      }
    }
    return gone;
  }

  @Override
  public void close() {
    keys.values().forEach(GlobalKey::close);
    keys.clear();
  }
}
