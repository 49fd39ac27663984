// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The owners of the cluster's addresses. A range has one owner; ranges may lie inside others, and
 * the longest prefix decides. Immutable.
 */
public final class ClusterMap {
  private final List<ClusterNode> nodes;
  private final List<Prefix> clusterCidrs;
  private final List<Prefix> nodeCidrs;

  /** Sorted, since then a table is built without sorting, and a copy is made without comparing. */
  private final NavigableMap<Prefix, Claim> claims;

  /**
   * The owner of a range.
   *
   * @param node index into {@link #nodes()}
   * @param address whether it is the node's own address rather than a range of its pods
   */
  public record Claim(int node, boolean address) {}

  private ClusterMap(
      List<ClusterNode> nodes,
      List<Prefix> clusterCidrs,
      List<Prefix> nodeCidrs,
      NavigableMap<Prefix, Claim> claims) {
    this.nodes = nodes;
    this.clusterCidrs = clusterCidrs;
    this.nodeCidrs = nodeCidrs;
    this.claims = claims;
  }

  /** A map of these nodes, in which no address stands for a node that is not known. */
  public static ClusterMap of(List<ClusterNode> nodes, List<Prefix> clusterCidrs) {
    return of(nodes, clusterCidrs, List.of());
  }

  /**
   * A map of these nodes.
   *
   * @param clusterCidrs ranges all of whose addresses are the cluster's, known or not
   * @param nodeCidrs ranges of the nodes' addresses, known or not
   * @throws OwnerConflictException if two nodes claim one range
   * @throws IllegalArgumentException if two nodes share a name, or a range holds all addresses
   */
  public static ClusterMap of(
      List<ClusterNode> nodes, List<Prefix> clusterCidrs, List<Prefix> nodeCidrs) {
    NavigableMap<Prefix, Claim> claims = new TreeMap<>();
    Map<String, Integer> names = new HashMap<>();
    for (int i = 0; i < nodes.size(); i++) {
      ClusterNode node = nodes.get(i);
      if (names.put(node.name(), i) != null) {
        throw new IllegalArgumentException("two nodes named " + node.name());
      }
      claim(claims, nodes, i);
    }
    return new ClusterMap(
        List.copyOf(nodes),
        clusterCidrs.stream().distinct().sorted().toList(),
        Prefixes.disjoint(nodeCidrs),
        claims);
  }

  private static void claim(
      NavigableMap<Prefix, Claim> claims, List<ClusterNode> nodes, int index) {
    // Addresses first: if one is also a pod range of its own node, it stays a node's address.
    Claim address = new Claim(index, true);
    for (IpAddress own : nodes.get(index).addresses()) {
      claim(claims, nodes, Prefix.host(own), address);
    }
    Claim pods = new Claim(index, false);
    for (Prefix range : nodes.get(index).podCidrs()) {
      claim(claims, nodes, range, pods);
    }
  }

  private static void claim(
      NavigableMap<Prefix, Claim> claims, List<ClusterNode> nodes, Prefix prefix, Claim claim) {
    if (prefix.length() == 0) {
      throw new IllegalArgumentException(
          prefix + " of " + nodes.get(claim.node()).name() + " is every address there is");
    }
    Claim before = claims.putIfAbsent(prefix, claim);
    if (before != null && before.node() != claim.node()) {
      throw new OwnerConflictException(
          prefix, nodes.get(before.node()).name(), nodes.get(claim.node()).name());
    }
  }

  private static void release(NavigableMap<Prefix, Claim> claims, ClusterNode node) {
    node.addresses().forEach(own -> claims.remove(Prefix.host(own)));
    node.podCidrs().forEach(claims::remove);
  }

  /** This map with the node of that name replaced, or added. */
  public ClusterMap with(ClusterNode node) {
    List<ClusterNode> changed = new ArrayList<>(nodes);
    NavigableMap<Prefix, Claim> claimed = new TreeMap<>(claims);
    int index = indexOf(node.name());
    if (index < 0) {
      index = nodes.size();
      changed.add(node);
    } else {
      release(claimed, changed.set(index, node));
    }
    claim(claimed, changed, index);
    return new ClusterMap(List.copyOf(changed), clusterCidrs, nodeCidrs, claimed);
  }

  /** This map without the node of that name. */
  public ClusterMap without(String name) {
    int index = indexOf(name);
    if (index < 0) {
      return this;
    }
    List<ClusterNode> changed = new ArrayList<>(nodes);
    NavigableMap<Prefix, Claim> claimed = new TreeMap<>(claims);
    release(claimed, changed.remove(index));
    claimed.replaceAll(
        (prefix, claim) ->
            claim.node() < index ? claim : new Claim(claim.node() - 1, claim.address()));
    return new ClusterMap(List.copyOf(changed), clusterCidrs, nodeCidrs, claimed);
  }

  public List<ClusterNode> nodes() {
    return nodes;
  }

  /** Sorted. */
  public List<Prefix> clusterCidrs() {
    return clusterCidrs;
  }

  /** Sorted; they do not overlap. */
  public List<Prefix> nodeCidrs() {
    return nodeCidrs;
  }

  /**
   * The addresses at which a node may be that is not known yet, in ranges that do not overlap,
   * sorted: the parts of {@link #nodeCidrs} that are the cluster's. A range of pods wins, and so
   * does a range of the cluster inside a range of nodes.
   */
  public List<Prefix> joining() {
    return nodeCidrs.stream()
        .filter(range -> clusterCidrs.stream().anyMatch(cidr -> cidr.contains(range)))
        .flatMap(range -> Prefixes.subtract(range, notOfNodes(range)).stream())
        .toList();
  }

  private List<Prefix> notOfNodes(Prefix range) {
    Stream<Prefix> pods =
        claims.entrySet().stream()
            .filter(entry -> !entry.getValue().address())
            .map(Map.Entry::getKey)
            .filter(prefix -> prefix.contains(range) || range.contains(prefix));
    Stream<Prefix> inside =
        clusterCidrs.stream().filter(cidr -> range.contains(cidr) && !range.equals(cidr));
    return Stream.concat(pods, inside).toList();
  }

  /** The index in {@link #nodes()} of the node of that name, or -1. */
  public int indexOf(String name) {
    for (int i = 0; i < nodes.size(); i++) {
      if (nodes.get(i).name().equals(name)) {
        return i;
      }
    }
    return -1;
  }

  /**
   * The node of that name.
   *
   * @throws IllegalArgumentException if there is no such node
   */
  public ClusterNode node(String name) {
    return nodes.get(requireIndex(name));
  }

  int requireIndex(String name) {
    int index = indexOf(name);
    if (index < 0) {
      throw new IllegalArgumentException("no node named " + name + " in the cluster");
    }
    return index;
  }

  /** Every range that a node owns. */
  public NavigableMap<Prefix, Claim> claims() {
    return Collections.unmodifiableNavigableMap(claims);
  }

  /** The longest range of a node that holds {@code address}, or null. */
  public @Nullable Prefix claimed(IpAddress address) {
    return longest(address, claims::containsKey);
  }

  /** The longest of the cluster's own ranges that holds {@code address}, or null. */
  public @Nullable Prefix inCluster(IpAddress address) {
    return longest(address, clusterCidrs::contains);
  }

  private static @Nullable Prefix longest(IpAddress address, Predicate<Prefix> known) {
    for (int length = address.bitLength(); length >= 0; length--) {
      Prefix prefix = new Prefix(address, length);
      if (known.test(prefix)) {
        return prefix;
      }
    }
    return null;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof ClusterMap that
        && nodes.equals(that.nodes)
        && clusterCidrs.equals(that.clusterCidrs)
        && nodeCidrs.equals(that.nodeCidrs);
  }

  @Override
  public int hashCode() {
    return Objects.hash(nodes, clusterCidrs, nodeCidrs);
  }

  @Override
  public String toString() {
    return nodes.size() + " nodes, " + claims.size() + " ranges, cluster " + clusterCidrs;
  }
}
