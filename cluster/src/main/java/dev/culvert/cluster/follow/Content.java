// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.KubeObject;
import java.util.Objects;

/** The part of an object that a follower's reader uses, and the changes that it can have. */
public interface Content<T extends KubeObject> {
  /** Whether two states of an object tell the same. */
  boolean isSame(T one, T other);

  /** Whether a state may come after a known one. */
  boolean follows(T known, T seen);

  /** Which deletions of objects are believed. */
  Deletion deletion(T known);

  /** When an object goes that the API has no more. */
  enum Deletion {
    /** When a watch says so, or a list that may be believed lacks it. */
    AT_ONCE,

    /**
     * The same, but not if the deletion of its kind deletes it, or if a watch tells many deletions
     * at once and nothing is known of the kind: then as after those many of a list.
     */
    UNLESS_MANY,

    /** When an administrator says so. */
    IF_ACCEPTED
  }

  /** Everything in the object counts, and may change. */
  static <T extends KubeObject> Content<T> whole() {
    return whole(Deletion.AT_ONCE);
  }

  /**
   * The same of an object whose loss would take protection away. That of its CRD deletes it past
   * all rules about its deletion.
   */
  static <T extends KubeObject> Content<T> lasting() {
    return whole(Deletion.IF_ACCEPTED);
  }

  private static <T extends KubeObject> Content<T> whole(Deletion deletion) {
    return new Content<>() {
      @Override
      public Deletion deletion(T known) {
        return deletion;
      }

      @Override
      public boolean isSame(T one, T other) {
        return one.equals(other);
      }

      @Override
      public boolean follows(T known, T seen) {
        return true;
      }
    };
  }

  /**
   * Of a CulvertNode the status counts. A new key has to be the one that the node itself claims:
   * the registrar accepts no other, and a node whose object is older than its key claims its key
   * again before the registrar has accepted it. If many go at once, their CRD may be gone, and not
   * the nodes.
   */
  static Content<CulvertNode> acceptedClaims() {
    return new Content<>() {
      // One that an administrator rejects leaves the selection of accepted ones, as deleted.
      @Override
      public Deletion deletion(CulvertNode known) {
        return known.metadata().annotations().containsKey(CulvertNode.REJECT)
            ? Deletion.AT_ONCE
            : Deletion.UNLESS_MANY;
      }

      @Override
      public boolean isSame(CulvertNode one, CulvertNode other) {
        return Objects.equals(one.status(), other.status());
      }

      @Override
      public boolean follows(CulvertNode known, CulvertNode seen) {
        CulvertNode.Status before = known.status();
        CulvertNode.Status after = seen.status();
        return before == null
            || after == null
            || Objects.equals(after.publicKey(), before.publicKey())
            || Objects.equals(after.publicKey(), seen.spec().publicKey());
      }
    };
  }
}
