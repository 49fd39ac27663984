// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

/**
 * Counts of the registrar's work since it started, and the nodes as it saw them last.
 *
 * @param leads whether it is the one that writes
 * @param decisions how often it compared all nodes
 * @param lastDecisionNanos how long the last comparison took
 * @param writes statuses that were written
 * @param conflicts writes that came too late, since the object had changed
 * @param refusals writes that the API server refused
 * @param failures writes whose fate was unknown at first
 * @param altered statuses that the API server stored otherwise than they were sent
 * @param deletions CulvertNodes that were deleted after their Node
 * @param longestPendingSeconds the age of the oldest claim that waits: its node has no traffic
 */
public record RegistrarStats(
    boolean leads,
    long decisions,
    long lastDecisionNanos,
    long writes,
    long conflicts,
    long refusals,
    long failures,
    long altered,
    long deletions,
    int accepted,
    int pending,
    int rejected,
    long longestPendingSeconds) {}
