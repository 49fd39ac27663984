package dev.culvert.routing;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * One pair of SAs that ESP keeps with a peer, and the traffic that it is for (RFC 4301 section
 * 4.4.1), in one of the two forms that Cilium has.
 *
 * @param peer the node at the other end
 * @param selector tells the pair from others with this peer; part of the keys' derivation
 * @param local inner sources here
 * @param remote inner destinations there
 */
public record EspPolicy(String peer, String selector, List<Prefix> local, List<Prefix> remote) {
  public EspPolicy {
    local = List.copyOf(local);
    remote = List.copyOf(remote);
  }

  /** One pair for each other node: everything of this node to everything of that. */
  public static List<EspPolicy> bySubnet(ClusterMap map, String self) {
    List<List<Prefix>> ranges = ranges(map);
    int own = map.requireIndex(self);
    List<EspPolicy> policies = new ArrayList<>();
    for (int node = 0; node < ranges.size(); node++) {
      if (node != own) {
        String peer = map.nodes().get(node).name();
        policies.add(new EspPolicy(peer, "subnet", ranges.get(own), ranges.get(node)));
      }
    }
    return policies;
  }

  /**
   * One pair for each pod of another node.
   *
   * @param pods addresses; this node's own and those that nobody owns make no policy
   */
  public static List<EspPolicy> byEndpoint(
      ClusterMap map, String self, Collection<IpAddress> pods) {
    int own = map.requireIndex(self);
    List<Prefix> local = ranges(map).get(own);
    Map<IpAddress, EspPolicy> policies = new TreeMap<>();
    for (IpAddress pod : pods) {
      Prefix range = map.claimed(pod);
      ClusterMap.Claim claim = range == null ? null : map.claims().get(range);
      if (claim != null && claim.node() != own && !claim.address()) {
        Prefix remote = Prefix.host(pod);
        String peer = map.nodes().get(claim.node()).name();
        policies.put(pod, new EspPolicy(peer, remote.toString(), local, List.of(remote)));
      }
    }
    return List.copyOf(policies.values());
  }

  private static List<List<Prefix>> ranges(ClusterMap map) {
    List<List<Prefix>> ranges = new ArrayList<>();
    map.nodes().forEach(_ -> ranges.add(new ArrayList<>()));
    map.claims().forEach((prefix, claim) -> ranges.get(claim.node()).add(prefix));
    ranges.forEach(of -> of.sort(null));
    return ranges;
  }
}
