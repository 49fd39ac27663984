// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.state;

import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertPolicy;
import dev.culvert.cluster.resource.EncryptionExemption;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All that was read from the API of one cluster.
 *
 * @param clusterUid of the cluster that it was read from
 * @param confirmed when the API last confirmed the nodes
 * @param nodes null if they were never read; so are the others
 * @param former addresses that nodes had, and when each was seen to be gone; null if that is not
 *     known
 */
public record ClusterState(
    String clusterUid,
    Instant confirmed,
    @Nullable Kept<CulvertNode> nodes,
    @Nullable Kept<EncryptionExemption> exemptions,
    @Nullable Kept<CulvertPolicy> policies,
    @Nullable Map<String, Instant> former) {}
