// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster;

import dev.culvert.routing.Exemption;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.routing.TrafficClass;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The cluster at one moment, wherever it was read from. Immutable.
 *
 * @param members sorted by name; no two share a name, a range, an address or a key
 * @param former addresses that members had until a while ago, and that no member has now
 * @param exemptions null if they were never read
 * @param policy null if it was never read
 * @param problems objects that were left out, each with the reason
 */
public record ClusterSnapshot(
    List<Member> members,
    Set<IpAddress> former,
    @Nullable List<Exemption> exemptions,
    @Nullable ClusterPolicy policy,
    List<String> problems) {
  public static final ClusterSnapshot EMPTY =
      new ClusterSnapshot(List.of(), Set.of(), null, null, List.of());

  public ClusterSnapshot {
    members = List.copyOf(members);
    former = Set.copyOf(former);
    exemptions = exemptions == null ? null : List.copyOf(exemptions);
    problems = List.copyOf(problems);
  }

  /** The same with these former addresses. */
  public ClusterSnapshot withFormer(Set<IpAddress> addresses) {
    return new ClusterSnapshot(members, addresses, exemptions, policy, problems);
  }

  /**
   * A node that was accepted.
   *
   * @param roles such as {@code control-plane}
   * @param addresses that the other nodes use for it
   * @param ranges of its pods
   * @param publicKey base64; null if its engine has none
   * @param espKeyId the newest key of the cluster's IPsec secret that it holds, or 0
   * @param endpoint {@code address:port} of its tunnel; null if it is not known
   */
  public record Member(
      String name,
      Set<String> roles,
      Map<String, String> labels,
      List<IpAddress> addresses,
      List<Prefix> ranges,
      @Nullable String publicKey,
      int espKeyId,
      @Nullable String endpoint) {
    public Member {
      roles = Set.copyOf(roles);
      labels = Map.copyOf(labels);
      addresses = List.copyOf(addresses);
      ranges = List.copyOf(ranges);
    }
  }

  /**
   * The policy of the whole cluster.
   *
   * @param clusterCidrs ranges all of whose addresses are the cluster's, known or not
   */
  public record ClusterPolicy(
      List<Prefix> clusterCidrs,
      Set<TrafficClass> encrypted,
      boolean strictEgress,
      boolean strictIngress) {
    public ClusterPolicy {
      clusterCidrs = List.copyOf(clusterCidrs);
      encrypted = Set.copyOf(encrypted);
    }
  }
}
