// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import java.time.Duration;

/**
 * The times and sizes of following a collection.
 *
 * @param pageSize objects per page of a list
 * @param silence after which a watch without a line is given up, and the server is asked whether it
 *     is well; bookmarks come each minute, but not of a kind that the server saw no change of yet
 * @param watchFrom the shortest watch, and {@code watchTo} the longest: random, so that watches of
 *     many nodes do not end together
 * @param backOffFrom the shortest wait after a failure
 * @param backOffSmallTo the longest wait after a failure in a small cluster; it grows by {@code
 *     herdPerNode} for each node, up to {@code backOffTo}, which also holds for a node that does
 *     not know yet how large the cluster is
 * @param emptyAgain how far apart two empty lists have to be before they are believed
 * @param holdFrom the share of the known objects that may be missing from one list; if more are,
 *     they are held
 * @param hold how long they are held
 * @param burstFrom the share of the known objects that a watch may tell to be deleted within {@code
 *     burst}, and one in any case, if it is unknown whether their kind stays; further ones are
 *     held. It is smaller than {@code holdFrom}, since the first ones are gone by then
 * @param burst the time in which deletions count as those of one event
 * @param herdFrom the number of nodes from which on lists are spread over time, by {@code
 *     herdPerNode} each, up to {@code herdTo}, and from which on nobody asks for the kind of an
 *     object that is deleted
 */
public record FollowLimits(
    int pageSize,
    Duration silence,
    Duration watchFrom,
    Duration watchTo,
    Duration backOffFrom,
    Duration backOffSmallTo,
    Duration backOffTo,
    Duration emptyAgain,
    double holdFrom,
    Duration hold,
    double burstFrom,
    Duration burst,
    int herdFrom,
    Duration herdPerNode,
    Duration herdTo) {
  public static final FollowLimits DEFAULT =
      new FollowLimits(
          500,
          Duration.ofSeconds(90),
          Duration.ofMinutes(5),
          Duration.ofMinutes(10),
          Duration.ofMillis(200),
          Duration.ofSeconds(2),
          Duration.ofSeconds(30),
          Duration.ofSeconds(60),
          0.3,
          Duration.ofMinutes(5),
          0.1,
          Duration.ofMinutes(1),
          100,
          Duration.ofMillis(60),
          Duration.ofMinutes(5));

  /**
   * The longest wait after a failure.
   *
   * @param nodes of the cluster; 0 if that is unknown
   */
  Duration longestBackOff(int nodes) {
    return nodes == 0
        ? backOffTo
        : Pace.clamp(backOffSmallTo, herdPerNode.multipliedBy(nodes), backOffTo);
  }
}
