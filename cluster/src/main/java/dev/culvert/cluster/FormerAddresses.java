// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster;

import dev.culvert.cluster.ClusterSnapshot.Member;
import dev.culvert.routing.IpAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The addresses that members had and have no more. A Node that is deleted is often back soon, with
 * the same address; and others go on sending to it meanwhile. Without a memory of it its address
 * would be outside of the cluster, and those packets would leave in clear.
 */
public final class FormerAddresses {
  /** Long enough for a node to come back, and for others to stop sending to one that does not. */
  public static final Duration KEPT = Duration.ofHours(1);

  private final Map<IpAddress, Instant> since = new HashMap<>();
  private Set<IpAddress> present;

  /**
   * Goes on from the state that was kept.
   *
   * @param kept as {@link #kept} gave it, or null
   * @param members of the same time
   */
  public FormerAddresses(@Nullable Map<String, Instant> kept, Collection<Member> members) {
    present = addresses(members);
    if (kept != null) {
      kept.forEach((address, time) -> since.put(IpAddress.parse(address), time));
    }
  }

  private static Set<IpAddress> addresses(Collection<Member> members) {
    Set<IpAddress> addresses = new HashSet<>();
    members.forEach(member -> addresses.addAll(member.addresses()));
    return addresses;
  }

  /** Takes the members of now. */
  public void follow(Collection<Member> members, Instant now) {
    Set<IpAddress> next = addresses(members);
    present.stream().filter(address -> !next.contains(address)).forEach(a -> since.put(a, now));
    since.keySet().removeAll(next);
    since.values().removeIf(time -> Duration.between(time, now).compareTo(KEPT) >= 0);
    present = next;
  }

  public Set<IpAddress> addresses() {
    return Set.copyOf(since.keySet());
  }

  /** When each was seen to be gone, to keep on disk. */
  public Map<String, Instant> kept() {
    Map<String, Instant> kept = new TreeMap<>();
    since.forEach((address, time) -> kept.put(address.toString(), time));
    return kept;
  }
}
