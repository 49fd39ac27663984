// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.culvert.cluster.ClusterFeed;
import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.cluster.claim.Publication;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The Kubernetes API as a gateway sees it.
 *
 * @param node this node's name
 * @param phase of this node's claim: {@code Pending}, {@code Accepted} or {@code Rejected}; null
 *     while that is not known
 * @param reasons why the claim is not accepted, or not wholly
 * @param synced whether the API has told all of its objects since the start; if not, the nodes are
 *     those that were kept on disk
 * @param ageSeconds since the API last said something; null if it never did
 * @param lastSyncTimestampSeconds the time when the API last said something, in seconds since 1970:
 *     the metric {@code culvert_cluster_last_sync_timestamp_seconds}; null if it never did
 * @param failures requests and streams that failed since the start
 * @param error why the API is not read; null if it is
 * @param publishError why this node's claim is not published; null if it is
 * @param held why a state of the API is not believed
 * @param swapError why the newest snapshot is not in force
 * @param registrar whether the registrar that runs inside of this gateway leads; null if none does
 * @param nodes that were accepted
 * @param problems objects that were left out, each with the reason
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ControlPlaneView(
    String node,
    @Nullable String phase,
    List<String> reasons,
    boolean synced,
    @Nullable Long ageSeconds,
    @Nullable Long lastSyncTimestampSeconds,
    long failures,
    @Nullable String error,
    @Nullable String publishError,
    @Nullable String held,
    @Nullable String swapError,
    @Nullable String registrar,
    int nodes,
    List<String> problems) {
  public ControlPlaneView {
    reasons = List.copyOf(reasons);
    problems = List.copyOf(problems);
  }

  /**
   * The view.
   *
   * @param snapshot in force
   * @param feed null before the API was opened
   * @param own null before the API was opened
   * @param openError why it was not opened
   */
  public static ControlPlaneView of(
      String node,
      ClusterSnapshot snapshot,
      ClusterFeed.@Nullable State feed,
      @Nullable Publication own,
      @Nullable String openError,
      @Nullable String swapError,
      @Nullable String registrar,
      Instant now) {
    Instant heard = feed == null ? null : feed.heard();
    return new ControlPlaneView(
        node,
        own == null || own.phase() == null ? null : own.phase().text(),
        own == null ? List.of() : own.reasons(),
        feed != null && feed.synced(),
        heard == null ? null : Math.max(0, Duration.between(heard, now).toSeconds()),
        heard == null ? null : heard.getEpochSecond(),
        feed == null ? 0 : feed.failures(),
        feed == null ? openError : feed.error(),
        own == null ? null : own.error(),
        feed == null ? null : feed.held(),
        swapError,
        registrar,
        snapshot.members().size(),
        snapshot.problems());
  }

  /** The faults that an operator should know of. */
  public List<String> troubles() {
    List<String> troubles = new ArrayList<>();
    if (error != null) {
      troubles.add("the Kubernetes API is not read: " + error);
    }
    if (publishError != null) {
      troubles.add("this node's claim is not published: " + publishError);
    }
    if (held != null) {
      troubles.add("a state of the Kubernetes API is held back: " + held);
    }
    if (swapError != null) {
      troubles.add("the newest nodes are not in force: " + swapError);
    }
    reasons.forEach(reason -> troubles.add("of this node: " + reason));
    troubles.addAll(problems);
    return List.copyOf(troubles);
  }
}
