// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/** Clusters for tests. */
public final class Clusters {
  public static final String SELF = "worker-1";

  private Clusters() {}

  public static ClusterNode node(String name, String role, String... ranges) {
    List<IpAddress> addresses = new ArrayList<>();
    List<Prefix> pods = new ArrayList<>();
    for (String range : ranges) {
      if (range.contains("/")) {
        pods.add(Prefix.parse(range));
      } else {
        addresses.add(IpAddress.parse(range));
      }
    }
    return new ClusterNode(name, Set.of(role), Map.of(), addresses, List.of(), pods, "key-" + name);
  }

  /** One control-plane node and two workers, in both families. */
  public static ClusterMap three() {
    return ClusterMap.of(
        List.of(
            node(
                "control-1",
                "control-plane",
                "192.168.1.10",
                "fd01::10",
                "10.244.0.0/24",
                "fd02:0::/64"),
            node(
                "worker-1",
                "worker",
                "192.168.1.11",
                "fd01::11",
                "10.244.1.0/24",
                "fd02:0:0:1::/64"),
            node(
                "worker-2",
                "worker",
                "192.168.1.12",
                "fd01::12",
                "10.244.2.0/24",
                "fd02:0:0:2::/64")),
        prefixes("10.244.0.0/16", "fd02::/48"));
  }

  /**
   * The same, with the nodes' networks in the cluster's ranges and as ranges of nodes. Pods of the
   * third worker are in them.
   */
  public static ClusterMap threeThatOthersJoin() {
    ClusterMap three = three();
    List<Prefix> nodes = prefixes("192.168.1.0/24", "fd01::/64");
    List<Prefix> cluster = new ArrayList<>(three.clusterCidrs());
    cluster.addAll(nodes);
    List<ClusterNode> all = new ArrayList<>(three.nodes());
    all.add(node("worker-3", "worker", "192.168.1.13", "192.168.1.64/28", "fd01::a:0/112"));
    return ClusterMap.of(all, cluster, nodes);
  }

  /** A strict policy in which the API server is open to nodes that join, and etcd is not. */
  public static Policy openToJoining() {
    Exemption api = Policy.CONTROL_PLANE_EXEMPTIONS.getFirst();
    return new Policy(
        EnumSet.allOf(TrafficClass.class),
        true,
        true,
        List.of(
            new Exemption(api.name(), api.servers(), api.protocol(), api.ports(), true),
            Policy.CONTROL_PLANE_EXEMPTIONS.getLast()));
  }

  public static List<Prefix> prefixes(String... text) {
    return Arrays.stream(text).map(Prefix::parse).toList();
  }

  /** Small, and crowded enough that ranges nest and nodes lie in pod ranges. */
  public static ClusterMap random(Random random) {
    Set<Prefix> taken = new HashSet<>();
    List<ClusterNode> nodes = new ArrayList<>();
    int count = 2 + random.nextInt(5);
    for (int i = 0; i < count; i++) {
      List<IpAddress> addresses = new ArrayList<>();
      List<Prefix> pods = new ArrayList<>();
      for (int j = 0; j < 1 + random.nextInt(3); j++) {
        IpAddress address = address(random);
        if (taken.add(Prefix.host(address))) {
          addresses.add(address);
        }
        Prefix range = range(random);
        if (taken.add(range)) {
          pods.add(range);
        }
      }
      nodes.add(
          new ClusterNode(
              i == 1 ? SELF : "node-" + i,
              Set.of(random.nextInt(3) == 0 ? "control-plane" : "worker"),
              Map.of(),
              addresses,
              List.of(),
              pods,
              random.nextInt(5) == 0 ? null : "key-" + i));
    }
    List<Prefix> cidrs = new ArrayList<>();
    for (int i = 0; i < random.nextInt(4); i++) {
      cidrs.add(range(random));
    }
    List<Prefix> nodeCidrs = new ArrayList<>();
    for (int i = 0; i < random.nextInt(4); i++) {
      nodeCidrs.add(
          cidrs.isEmpty() || random.nextBoolean()
              ? range(random)
              : cidrs.get(random.nextInt(cidrs.size())));
    }
    return ClusterMap.of(nodes, cidrs, nodeCidrs);
  }

  public static Policy randomPolicy(Random random) {
    Set<TrafficClass> encrypted = EnumSet.noneOf(TrafficClass.class);
    for (TrafficClass traffic : TrafficClass.values()) {
      if (random.nextInt(4) != 0) {
        encrypted.add(traffic);
      }
    }
    List<Exemption> exemptions =
        random.nextBoolean() ? Policy.CONTROL_PLANE_EXEMPTIONS : openToJoining().exemptions();
    return new Policy(encrypted, random.nextInt(4) != 0, true, exemptions);
  }

  /** Of 256 IPv4 addresses, or 256 IPv6 addresses whose bits lie on both sides of bit 64. */
  public static IpAddress address(Random random) {
    int bits = random.nextInt(256);
    return random.nextBoolean()
        ? IpAddress.ofV4(0x0a000000 | bits)
        : IpAddress.ofV6(0xfd00_0000_0000_0000L | bits >>> 4, (long) bits << 60);
  }

  private static Prefix range(Random random) {
    IpAddress address = address(random);
    int length = address.v4() ? 25 + random.nextInt(8) : 61 + random.nextInt(8);
    return new Prefix(address, length);
  }
}
