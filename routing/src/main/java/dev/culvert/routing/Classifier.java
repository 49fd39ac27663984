// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import dev.culvert.routing.Owner.ExemptPorts;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Decides for each packet of one node whether it is encrypted, passes in clear or is dropped, by
 * the map and the policy. Immutable: a change builds a new classifier and swaps one reference. A
 * look-up takes primitives, allocates nothing and takes no lock.
 *
 * <p>The destination's longest prefix decides; a node's address is a longest possible prefix, so it
 * wins over a pod range that covers it. The source decides between host and pod.
 */
public final class Classifier {
  /**
   * The port of a packet that has no ports, or whose ports are unknown, such as a later fragment.
   */
  public static final int NO_PORT = -1;

  private static final Verdict LOCAL = new Verdict.Drop(Refusal.LOCAL_DESTINATION);
  private static final Verdict OUTSIDE = new Verdict.Drop(Refusal.OUTSIDE_CLUSTER);
  private static final Verdict FOREIGN = new Verdict.Drop(Refusal.FOREIGN_SOURCE);
  private static final Verdict UNKNOWN = new Verdict.Drop(Refusal.NO_OWNER);
  private static final Verdict NO_PEER = new Verdict.Drop(Refusal.NO_PEER);

  private final int self;
  private final List<@Nullable String> peers;
  private final List<String> bypassRules;

  /** Every range of the cluster. */
  private final PrefixTable<Owner> owners;

  /**
   * This node's ranges and the ranges inside them. There are few, so looking up a source is cheap.
   */
  private final PrefixTable<Owner> sources;

  private Classifier(
      int self,
      List<@Nullable String> peers,
      List<String> bypassRules,
      PrefixTable<Owner> owners,
      PrefixTable<Owner> sources) {
    this.self = self;
    this.peers = peers;
    this.bypassRules = bypassRules;
    this.owners = owners;
    this.sources = sources;
  }

  /**
   * Compiles the classifier of the node named {@code self}.
   *
   * @throws IllegalArgumentException if the map has no such node
   */
  public static Classifier of(ClusterMap map, Policy policy, String self) {
    return new Compiler(map, policy, map.requireIndex(self)).compile();
  }

  /**
   * The tunnel's identity of each node, by the node's index; null for nodes without one, and for
   * this node.
   */
  public List<@Nullable String> peers() {
    return peers;
  }

  /** The names of the bypass rules, by {@link Verdict.Bypass#index}. */
  public List<String> bypassRules() {
    return bypassRules;
  }

  /** The number of ranges in the table, those without an owner included. */
  public int size() {
    return owners.size();
  }

  /** The size in bytes of the tables that look-ups read. */
  public long bytes() {
    return owners.bytes() + sources.bytes();
  }

  /**
   * Decides on an IPv4 packet that is about to enter the tunnel.
   *
   * @param protocol of the payload; for IPv6, after the extension headers
   * @param sourcePort 0 to 65535, or {@link #NO_PORT}; without a port no packet is exempt
   * @param destinationPort 0 to 65535, or {@link #NO_PORT}
   */
  public Verdict classify4(
      int source, int destination, int protocol, int sourcePort, int destinationPort) {
    return decide(
        sources.lookup4(source),
        owners.lookup4(destination),
        protocol,
        sourcePort,
        destinationPort);
  }

  /**
   * Decides on an IPv6 packet that is about to enter the tunnel; the parameters are those of {@link
   * #classify4}.
   */
  public Verdict classify6(
      long sourceHigh,
      long sourceLow,
      long destinationHigh,
      long destinationLow,
      int protocol,
      int sourcePort,
      int destinationPort) {
    return decide(
        sources.lookup6(sourceHigh, sourceLow),
        owners.lookup6(destinationHigh, destinationLow),
        protocol,
        sourcePort,
        destinationPort);
  }

  /**
   * Decides on a packet of either family that is about to enter the tunnel; the parameters are
   * those of {@link #classify4}.
   */
  public Verdict classify(
      IpAddress source, IpAddress destination, int protocol, int sourcePort, int destinationPort) {
    return decide(
        sources.lookup(source), owners.lookup(destination), protocol, sourcePort, destinationPort);
  }

  /**
   * Whether {@code node}, which sent a packet, owns the longest prefix that holds the packet's
   * inner IPv4 source.
   */
  public boolean belongs4(int source, int node) {
    return belongs(owners.lookup4(source), node);
  }

  /**
   * Whether {@code node}, which sent a packet, owns the longest prefix that holds the packet's
   * inner IPv6 source.
   */
  public boolean belongs6(long sourceHigh, long sourceLow, int node) {
    return belongs(owners.lookup6(sourceHigh, sourceLow), node);
  }

  private static boolean belongs(@Nullable Owner owner, int node) {
    return owner != null && owner.node() == node && node >= 0;
  }

  private Verdict decide(
      @Nullable Owner source,
      @Nullable Owner destination,
      int protocol,
      int sourcePort,
      int destinationPort) {
    if (destination == null) {
      return OUTSIDE;
    }
    if (source == null || source.node() != self) {
      return destination.node() == self ? LOCAL : FOREIGN;
    }
    if (!source.address()) {
      return destination.fromPod();
    }
    Verdict exempt = Owner.exempt(destination.exempt(), protocol, destinationPort);
    if (exempt == null) {
      exempt = Owner.exempt(destination.replies(), protocol, sourcePort);
    }
    return exempt == null ? destination.fromNode() : exempt;
  }

  /** Works out the owners. Used for one classifier. */
  private static final class Compiler {
    private final ClusterMap map;
    private final Policy policy;
    private final int self;
    private final List<String> bypassRules = new ArrayList<>();
    private final List<Verdict.Bypass> exempt = new ArrayList<>();
    private final Map<TrafficClass, Verdict.Bypass> inClear = new EnumMap<>(TrafficClass.class);
    private final Owner unowned;
    private final Owner joining;
    private final PrefixTable.Builder<Owner> owners = PrefixTable.builder();
    private final PrefixTable.Builder<Owner> sources = PrefixTable.builder();

    Compiler(ClusterMap map, Policy policy, int self) {
      this.map = map;
      this.policy = policy;
      this.self = self;
      policy.exemptions().forEach(exemption -> exempt.add(bypass(exemption.name())));
      for (TrafficClass traffic : TrafficClass.values()) {
        inClear.put(traffic, bypass(traffic.toString()));
      }
      Verdict unknown = policy.strictEgress() ? UNKNOWN : bypass("not-strict");
      unowned = new Owner(-1, false, unknown, unknown);
      joining = new Owner(-1, false, unknown, unknown, List.of(), exemptions(self, true));
    }

    private Verdict.Bypass bypass(String rule) {
      bypassRules.add(rule);
      return new Verdict.Bypass(bypassRules.size() - 1, rule);
    }

    Classifier compile() {
      Owner[] pods = new Owner[map.nodes().size()];
      Owner[] addresses = new Owner[pods.length];
      for (int node = 0; node < pods.length; node++) {
        pods[node] = owner(node, false);
        addresses[node] = owner(node, true);
      }
      PrefixTable<Owner> local = local(pods[self]);
      NavigableMap<Prefix, Owner> wide = new TreeMap<>();
      map.clusterCidrs().forEach(range -> wide.put(range, unowned));
      map.joining().forEach(range -> wide.put(range, joining));
      map.claims()
          .forEach(
              (prefix, claim) -> {
                unowned(wide, prefix, local);
                Owner owner = (claim.address() ? addresses : pods)[claim.node()];
                add(prefix, owner, claim.node() == self, local);
              });
      unowned(wide, null, local);
      List<@Nullable String> peers = new ArrayList<>();
      map.nodes().forEach(node -> peers.add(node.peer()));
      peers.set(self, null);
      return new Classifier(
          self,
          Collections.unmodifiableList(peers),
          List.copyOf(bypassRules),
          owners.build(),
          sources.build());
    }

    /** Adds the cluster's own ranges up to {@code end}, so that all ranges are added in order. */
    private void unowned(
        NavigableMap<Prefix, Owner> wide, @Nullable Prefix end, PrefixTable<Owner> local) {
      while (!wide.isEmpty() && (end == null || wide.firstKey().compareTo(end) <= 0)) {
        Map.Entry<Prefix, Owner> first = wide.pollFirstEntry();
        if (!first.getKey().equals(end)) {
          add(first.getKey(), first.getValue(), false, local);
        }
      }
    }

    private void add(Prefix prefix, Owner owner, boolean own, PrefixTable<Owner> local) {
      owners.add(prefix, owner);
      if (own || local.lookup(prefix.address()) != null) {
        sources.add(prefix, owner);
      }
    }

    /** A table of this node's pod ranges alone: ranges inside them may belong to other nodes. */
    private PrefixTable<Owner> local(Owner owner) {
      PrefixTable.Builder<Owner> local = PrefixTable.builder();
      map.nodes().get(self).podCidrs().stream()
          .distinct()
          .forEach(prefix -> local.add(prefix, owner));
      return local.build();
    }

    private Owner owner(int node, boolean address) {
      Verdict fromPod = verdict(node, false, address);
      Verdict fromNode = verdict(node, true, address);
      return address && node != self
          ? new Owner(
              node, true, fromPod, fromNode, exemptions(node, false), exemptions(self, false))
          : new Owner(node, address, fromPod, fromNode);
    }

    private Verdict verdict(int node, boolean fromNode, boolean toNode) {
      if (node == self) {
        return LOCAL;
      }
      TrafficClass traffic = TrafficClass.of(fromNode, toNode);
      Verdict clear = inClear.get(traffic);
      if (clear != null && !policy.encrypted().contains(traffic)) {
        return clear;
      }
      String peer = map.nodes().get(node).peer();
      return peer == null ? NO_PEER : new Verdict.Encrypt(node, peer, traffic);
    }

    /**
     * The exemptions that a node serves.
     *
     * @param toJoining only those whose clients need not be known
     */
    private List<ExemptPorts> exemptions(int node, boolean toJoining) {
      ClusterNode server = map.nodes().get(node);
      List<ExemptPorts> matching = new ArrayList<>();
      for (int i = 0; i < exempt.size(); i++) {
        Exemption exemption = policy.exemptions().get(i);
        if (exemption.servers().matches(server) && (exemption.joining() || !toJoining)) {
          matching.add(new ExemptPorts(exemption.protocol(), exemption.ports(), exempt.get(i)));
        }
      }
      return List.copyOf(matching);
    }
  }
}
