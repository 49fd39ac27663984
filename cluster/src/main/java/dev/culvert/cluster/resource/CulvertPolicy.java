// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The policy of the whole cluster. There is one object, {@code default}. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record CulvertPolicy(Metadata metadata, Spec spec) implements KubeObject {
  public static final String NAME = "default";

  /**
   * The switches; those that are absent are on.
   *
   * @param clusterCIDRs ranges all of whose addresses are the cluster's, known or not
   * @param turnsOff the names of all switches that are off, such as {@code podToNode}, so that none
   *     is turned off by mistake
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Spec(
      List<String> clusterCIDRs,
      @Nullable Encrypt encrypt,
      @Nullable Strict strict,
      List<String> turnsOff) {
    public Spec {
      clusterCIDRs = Absent.list(clusterCIDRs);
      turnsOff = Absent.list(turnsOff);
    }
  }

  /** The classes of traffic that are encrypted. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Encrypt(
      @Nullable Boolean podToPod,
      @Nullable Boolean podToNode,
      @Nullable Boolean nodeToPod,
      @Nullable Boolean nodeToNode) {}

  /** Whether traffic of these classes is dropped when it is in clear. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Strict(@Nullable Boolean egress, @Nullable Boolean ingress) {}
}
