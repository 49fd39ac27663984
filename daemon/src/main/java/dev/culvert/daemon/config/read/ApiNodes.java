// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.cluster.ClusterSnapshot.Member;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.daemon.config.Place;
import dev.culvert.daemon.config.Values;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.noise.PublicKey;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Makes entries of the nodes that were read from the API, of the addresses of the control plane
 * that none of them owns, and of those that nodes had until a while ago. The latter two are nodes
 * without keys and pods: so API server and etcd are exempt on the control plane before the API has
 * answered, and can answer a node that comes back, while nothing else leaves for it in clear.
 */
final class ApiNodes {
  /**
   * Before the address in the name of a node that stands for an address of the control plane. Nodes
   * of Kubernetes have no underscore in their names, so none of them can have such a name.
   */
  private static final String UNOWNED = KubernetesConfig.CONTROL_PLANE + "_";

  /** The same for an address that a node had. */
  private static final String FORMER = "former_";

  private final KnownCluster known;
  private final Given<String> self;
  private final Place place;
  private final Set<IpAddress> controlPlane;
  private final Consumer<String> leftOut;

  /**
   * @param self the name of this node
   * @param place of the section about the API
   * @param leftOut told of each member that cannot be used, with the reason
   */
  ApiNodes(
      KnownCluster known,
      Given<String> self,
      Place place,
      KubernetesConfig config,
      Consumer<String> leftOut) {
    this.known = known;
    this.self = self;
    this.place = place;
    this.leftOut = leftOut;
    controlPlane = Set.copyOf(config.controlPlane());
  }

  /** Whether this node is among the nodes that were read. */
  boolean knowSelf() {
    return known.snapshot().members().stream().anyMatch(m -> m.name().equals(self.value()));
  }

  /** The entries. One of them is this node's, even if only its name is known. */
  List<NodeEntry> entries() {
    List<NodeEntry> entries = new ArrayList<>();
    Set<IpAddress> unowned = new HashSet<>(controlPlane);
    for (Member member : known.snapshot().members()) {
      NodeEntry entry = entry(member);
      entries.add(entry);
      entry.internal().forEach(unowned::remove);
    }
    if (entries.stream().noneMatch(entry -> entry.name().equals(self.value()))) {
      List<IpAddress> own = unowned.stream().filter(known.ownAddresses()::contains).toList();
      own.forEach(unowned::remove);
      entries.add(controlPlane(self.value(), self.place(), own));
    }
    unowned.stream()
        .sorted()
        .forEach(at -> entries.add(controlPlane(UNOWNED + at, place, List.of(at))));
    addFormer(entries);
    return entries;
  }

  /** Adds the former addresses that are not this machine's, and in no range of a node. */
  private void addFormer(List<NodeEntry> entries) {
    Set<Prefix> owned = new HashSet<>();
    entries.forEach(entry -> owned.addAll(entry.ranges().keySet()));
    known.snapshot().former().stream()
        .filter(address -> !known.ownAddresses().contains(address) && !isWithin(owned, address))
        .sorted()
        .forEach(at -> entries.add(bare(FORMER + at, place, List.of(at), Set.of(), true)));
  }

  private static boolean isWithin(Set<Prefix> ranges, IpAddress address) {
    return IntStream.rangeClosed(0, address.bitLength())
        .anyMatch(length -> ranges.contains(new Prefix(address, length)));
  }

  /**
   * A node's entry. Without a part that cannot be used it stays a node, and is reached by the rest
   * or not at all: if it were left out, it would be reached in clear.
   */
  private NodeEntry entry(Member member) {
    Place at = new Place("CulvertNode/" + member.name(), 0, "");
    Map<Prefix, Place> ranges = new LinkedHashMap<>();
    List<IpAddress> addresses = new ArrayList<>();
    for (IpAddress address : member.addresses()) {
      if (isUsable(() -> Values.requireNotLinkLocal(at, address))) {
        addresses.add(address);
        ranges.put(Prefix.host(address), at);
      }
    }
    List<Prefix> pods = new ArrayList<>();
    for (Prefix range : member.ranges()) {
      if (isUsable(() -> requirePods(at, member, range))) {
        pods.add(range);
        ranges.put(range, at);
      }
    }
    return new NodeEntry(
        at,
        member.name(),
        roles(member),
        member.labels(),
        addresses,
        List.of(),
        pods,
        ranges,
        false,
        settings(member, at));
  }

  /** A check of a part of a node. */
  private interface Check {
    void run() throws ConfigException;
  }

  private boolean isUsable(Check check) {
    try {
      check.run();
      return true;
    } catch (ConfigException e) {
      leftOut.accept("left out: " + e.getMessage());
      return false;
    }
  }

  /** The control plane's addresses are not those of pods, whoever says so. */
  private void requirePods(Place at, Member member, Prefix range) throws ConfigException {
    if (range.length() == 0) {
      throw at.error(range + " is every address there is");
    }
    boolean host = range.length() == range.address().bitLength();
    if (host
        && controlPlane.contains(range.address())
        && !member.addresses().contains(range.address())) {
      throw at.error(range + " is not the address of a pod, but of the control plane");
    }
  }

  /** The configuration is the administrator's own word about the control plane. */
  private Set<String> roles(Member member) {
    if (member.addresses().stream().noneMatch(controlPlane::contains)) {
      return member.roles();
    }
    Set<String> roles = new HashSet<>(member.roles());
    roles.add(KubernetesConfig.CONTROL_PLANE);
    return roles;
  }

  private PeerSettings settings(Member member, Place at) {
    try {
      PublicKey key = key(member, at);
      String endpoint = member.endpoint();
      return new PeerSettings(
          at,
          key == null ? null : new Given<>(key, at),
          null,
          endpoint == null ? null : Values.endpoint(at, endpoint),
          null);
    } catch (ConfigException e) {
      leftOut.accept("without key and endpoint: " + e.getMessage());
      return new PeerSettings(at, null, null, null, null);
    }
  }

  private @Nullable PublicKey key(Member member, Place at) throws ConfigException {
    String text = member.publicKey();
    PublicKey key = text == null ? null : Values.publicKey(at, text);
    if (key != null && Objects.equals(key, known.ownKey()) && !member.name().equals(self.value())) {
      throw at.error("it has this node's own public key");
    }
    return key;
  }

  private static NodeEntry controlPlane(String name, Place place, List<IpAddress> addresses) {
    Set<String> roles = addresses.isEmpty() ? Set.of() : Set.of(KubernetesConfig.CONTROL_PLANE);
    return bare(name, place, addresses, roles, false);
  }

  /** A node without key and pods. */
  private static NodeEntry bare(
      String name, Place place, List<IpAddress> addresses, Set<String> roles, boolean former) {
    Map<Prefix, Place> ranges = new HashMap<>();
    addresses.forEach(address -> ranges.put(Prefix.host(address), place));
    return new NodeEntry(
        place,
        name,
        roles,
        Map.of(),
        addresses,
        List.of(),
        List.of(),
        ranges,
        former,
        new PeerSettings(place, null, null, null, null));
  }
}
