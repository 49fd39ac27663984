// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster;

import java.time.Instant;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Follows the cluster, and tells of each new snapshot. */
public interface ClusterFeed extends AutoCloseable {
  /**
   * Begins.
   *
   * @param listener told of each snapshot, one at a time, on a thread of the feed
   */
  void start(Consumer<ClusterSnapshot> listener);

  State state();

  /** The uid of the cluster that is followed; null as long as none was ever read. */
  @Nullable String clusterUid();

  /** An administrator answers for the objects that are held back: another list is believed. */
  void acceptHeld();

  @Override
  void close();

  /**
   * The state of a feed.
   *
   * @param synced whether the API has told all of its objects since the start
   * @param heard when the API last said something, a bookmark at least; null if it never did
   * @param failures requests and streams that failed so far
   * @param error why the API cannot be reached now; null if it can
   * @param held why a state of the API is not believed; null if all is believed
   */
  record State(
      boolean synced,
      @Nullable Instant heard,
      long failures,
      @Nullable String error,
      @Nullable String held) {}
}
