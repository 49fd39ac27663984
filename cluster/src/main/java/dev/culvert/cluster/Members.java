// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster;

import dev.culvert.cluster.ClusterSnapshot.Member;
import dev.culvert.cluster.resource.Condition;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.EndpointText;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The members of a snapshot, taken one by one. A key, a range or an address belongs to the first
 * member that has it: neither to none, nor to the last one. A node whose key is another's is left
 * out; of one whose range or address is another's only that is.
 */
final class Members {
  private static final Comparator<CulvertNode> FIRST_OWNER_FIRST =
      Comparator.comparing(Members::acceptedAt)
          .thenComparing(n -> text(n.metadata().creationTimestamp()))
          .thenComparing(n -> n.metadata().name());

  private static final int KEY_LENGTH = 32;

  private final List<String> problems;
  private final List<Member> members = new ArrayList<>();
  private final Map<String, String> ownerOfName = new HashMap<>();
  private final Map<String, String> ownerOfKey = new HashMap<>();
  private final Map<Prefix, String> ownerOfRange = new HashMap<>();

  Members(List<String> problems) {
    this.problems = problems;
  }

  /**
   * The nodes of these, in the order in which they own things: by the time when the key was
   * accepted, then by that of creation, then by name. Those that the API has no more come last.
   *
   * @param missing names of nodes that the API has no more, and that are kept
   */
  void addAll(Collection<CulvertNode> nodes, Set<String> missing) {
    Predicate<CulvertNode> isMissing = node -> missing.contains(node.metadata().key());
    List<CulvertNode> inOrder =
        nodes.stream()
            .sorted(Comparator.comparing(isMissing::test).thenComparing(FIRST_OWNER_FIRST))
            .toList();
    for (CulvertNode node : inOrder) {
      if (!isMissing.test(node) || !isSuperseded(node)) {
        add(node);
      }
    }
  }

  /** Whether the registrar has given a range or an address of a node to another one. */
  private boolean isSuperseded(CulvertNode node) {
    CulvertNode.Status status = node.status();
    return status != null
        && Stream.concat(status.addresses().stream(), status.ranges().stream())
            .anyMatch(this::isOwned);
  }

  private boolean isOwned(String addressOrRange) {
    try {
      return ownerOfRange.containsKey(Prefix.parse(addressOrRange));
    } catch (IllegalArgumentException e) {
      return false; // Nobody owns it, and add() names it among the problems.
    }
  }

  /** RFC 3339 in UTC, which the API writes, sorts as text. A node without a time comes last. */
  private static String acceptedAt(CulvertNode node) {
    CulvertNode.Status status = node.status();
    Condition key =
        status == null ? null : Condition.find(status.conditions(), Condition.KEY_ACCEPTED);
    return text(
        key != null && Condition.TRUE.equals(key.status()) ? key.lastTransitionTime() : null);
  }

  private static String text(@Nullable String time) {
    return time == null ? "~" : time;
  }

  /** Adds a node, if it was accepted. */
  private void add(CulvertNode node) {
    CulvertNode.Status status = node.status();
    if (status == null || status.phase() != CulvertNode.Phase.ACCEPTED) {
      return;
    }
    String name = node.metadata().name();
    if (ownerOfName.putIfAbsent(name, name) != null) {
      problems.add("node " + name + " is left out: there are two of this name");
      return;
    }
    String key = usable(name, "its key", () -> key(status.publicKey()));
    if (key != null) {
      ownerOfKey.put(key, name);
    }
    Integer espKeyId = usable(name, "its espKeyId", () -> espKeyId(status));
    members.add(
        new Member(
            name,
            Set.copyOf(status.roles()),
            status.labels(),
            addresses(name, status),
            ranges(name, status),
            key,
            espKeyId == null ? 0 : espKeyId,
            usable(name, "its endpoint", () -> endpoint(status))));
  }

  /**
   * A part of a node; null if it cannot be read, or has to be another node's. The node stays a
   * member then: without it, its addresses would be reached in clear.
   */
  private <T> @Nullable T usable(String name, String part, Supplier<@Nullable T> read) {
    try {
      return read.get();
    } catch (IllegalArgumentException e) {
      problems.add("node %s is without %s: %s".formatted(name, part, e.getMessage()));
      return null;
    }
  }

  private @Nullable String key(@Nullable String key) {
    if (key == null || key.isEmpty()) {
      return null;
    }
    byte[] bytes;
    try {
      bytes = Base64.getDecoder().decode(key);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("its key is not base64", e);
    }
    if (bytes.length != KEY_LENGTH) {
      throw new IllegalArgumentException("its key has %d bytes".formatted(bytes.length));
    }
    // One key has one text, or two nodes could share it unnoticed.
    String canonical = Base64.getEncoder().encodeToString(bytes);
    String owner = ownerOfKey.get(canonical);
    if (owner != null) {
      throw new IllegalArgumentException(
          "its key is that of %s, which had it before".formatted(owner));
    }
    return canonical;
  }

  private static int espKeyId(CulvertNode.Status status) {
    Integer id = status.espKeyId();
    if (id == null) {
      return 0;
    }
    if (id < 0 || id > 15) {
      throw new IllegalArgumentException("its espKeyId is " + id);
    }
    return id;
  }

  private List<IpAddress> addresses(String name, CulvertNode.Status status) {
    Set<IpAddress> addresses = new LinkedHashSet<>();
    for (String text : status.addresses()) {
      IpAddress address = usable(name, "an address", () -> IpAddress.parse(text));
      if (address != null && claims(name, Prefix.host(address), "address " + address)) {
        addresses.add(address);
      }
    }
    return List.copyOf(addresses);
  }

  private List<Prefix> ranges(String name, CulvertNode.Status status) {
    Set<Prefix> ranges = new LinkedHashSet<>();
    for (String text : status.ranges()) {
      Prefix range = usable(name, "a range", () -> range(text));
      if (range != null && claims(name, range, "range " + range)) {
        ranges.add(range);
      }
    }
    return List.copyOf(ranges);
  }

  private static Prefix range(String text) {
    Prefix range = Prefix.parse(text);
    if (range.length() == 0) {
      throw new IllegalArgumentException(range + " is every address there is");
    }
    return range;
  }

  private boolean claims(String name, Prefix range, String what) {
    String owner = ownerOfRange.putIfAbsent(range, name);
    if (owner == null || owner.equals(name)) {
      return true;
    }
    problems.add("node %s is without %s: %s had it before".formatted(name, what, owner));
    return false;
  }

  /** The first endpoint, as it is preferred. */
  private static @Nullable String endpoint(CulvertNode.Status status) {
    if (status.endpoints().isEmpty()) {
      return null;
    }
    String text = status.endpoints().getFirst();
    EndpointText.address(text);
    return text;
  }

  List<Member> byName() {
    return members.stream().sorted(Comparator.comparing(Member::name)).toList();
  }
}
