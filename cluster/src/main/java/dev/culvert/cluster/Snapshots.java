// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster;

import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertPolicy;
import dev.culvert.cluster.resource.EncryptionExemption;
import dev.culvert.cluster.state.ClusterState;
import dev.culvert.cluster.state.Kept;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes snapshots of objects. An object that cannot be read is left out and named among the
 * problems; the others count.
 */
public final class Snapshots {
  private Snapshots() {}

  /** The snapshot of these objects, all of which the API has. */
  public static ClusterSnapshot of(
      Collection<CulvertNode> nodes,
      @Nullable Collection<EncryptionExemption> exemptions,
      @Nullable Collection<CulvertPolicy> policies) {
    return of(nodes, Set.of(), exemptions, policies);
  }

  /**
   * The snapshot of these objects.
   *
   * @param missing names of nodes that the API has no more, and that are kept
   * @param exemptions null if they were never read
   * @param policies null if they were never read
   */
  public static ClusterSnapshot of(
      Collection<CulvertNode> nodes,
      Set<String> missing,
      @Nullable Collection<EncryptionExemption> exemptions,
      @Nullable Collection<CulvertPolicy> policies) {
    List<String> problems = new ArrayList<>();
    Members members = new Members(problems);
    members.addAll(nodes, missing);
    return new ClusterSnapshot(
        members.byName(),
        Set.of(),
        exemptions == null
            ? null
            : exemptions.stream()
                .sorted(Comparator.comparing(e -> e.metadata().name()))
                .flatMap(e -> RuleReader.exemption(e, problems).stream())
                .toList(),
        policies == null ? null : RuleReader.policy(policies, problems),
        problems);
  }

  /** The snapshot of the state that was kept on disk. */
  public static ClusterSnapshot of(ClusterState state) {
    Kept<CulvertNode> nodes = state.nodes();
    Kept<EncryptionExemption> exemptions = state.exemptions();
    Kept<CulvertPolicy> policies = state.policies();
    ClusterSnapshot snapshot =
        of(
            nodes == null ? List.of() : nodes.objects(),
            nodes == null ? Set.of() : nodes.missing(),
            exemptions == null ? null : exemptions.objects(),
            policies == null ? null : policies.objects());
    return snapshot.withFormer(new FormerAddresses(state.former(), snapshot.members()).addresses());
  }
}
