// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.resource.Condition;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.Metadata;
import dev.culvert.cluster.resource.Node;
import dev.culvert.crypto.X25519;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The objects of a cluster, and a registrar whose changes are written into them. */
final class FakeCluster {
  private static final Map<Integer, String> KEYS = new ConcurrentHashMap<>();
  static final Instant START = Instant.parse("2026-11-29T03:00:00Z");

  final RegistrarKey registrarKey = RegistrarKey.of(privateKey(0));
  final Map<String, Node> nodes = new TreeMap<>();
  final SequencedMap<String, CulvertNode> claims = new TreeMap<>();
  final Map<String, CulvertNode.Status> inDoubt = new HashMap<>();
  RangeSource ranges = RangeSources.nodes();
  Registrar registrar = new Registrar(registrarKey, Registrar.Settings.NONE);
  Instant now = START;

  /** Whether etcd was restored from a backup. */
  boolean restored;

  /** Statuses written so far. */
  int writes;

  private long versions;

  static byte[] privateKey(int number) {
    byte[] key = new byte[X25519.KEY_LENGTH];
    key[1] = (byte) number;
    key[2] = (byte) (number >> 8);
    key[3] = 1;
    X25519.clamp(key);
    return key;
  }

  static String key(int number) {
    return KEYS.computeIfAbsent(number, FakeCluster::makeKey);
  }

  private static String makeKey(int number) {
    return Base64.getEncoder().encodeToString(X25519.publicKey(privateKey(number)));
  }

  Metadata metadata(String name, String uid, Map<String, String> labels) {
    return new Metadata(
        name, null, uid, "" + ++versions, 1, now.toString(), null, labels, Map.of(), List.of());
  }

  /** A Node with the uid {@code NAME-uid}, one address and one range. */
  FakeCluster node(String name, String address, String... cidrs) {
    return node(name, name + "-uid", Map.of(), List.of(address), List.of(cidrs));
  }

  FakeCluster node(
      String name,
      String uid,
      Map<String, String> labels,
      List<String> addresses,
      List<String> cidrs) {
    List<Node.Address> all =
        new ArrayList<>(
            addresses.stream().map(address -> new Node.Address("InternalIP", address)).toList());
    all.add(new Node.Address("Hostname", name));
    nodes.put(
        name,
        new Node(metadata(name, uid, labels), new Node.Spec(null, cidrs), new Node.Status(all)));
    return this;
  }

  /** A claim of the Node of that name. */
  FakeCluster claim(String name, @Nullable String key) {
    Node node = nodes.get(name);
    String uid = node == null ? name + "-uid" : node.metadata().uid();
    claims.put(
        name,
        new CulvertNode(
            metadata(name, "claim-" + uid, Map.of()), spec(uid, key, endpoints(node), null), null));
    now = now.plusSeconds(1);
    return this;
  }

  /** Those that the daemon of a node publishes. */
  static List<String> endpoints(@Nullable Node node) {
    return node == null || node.status() == null
        ? List.of("10.0.0.1:51820")
        : node.status().addresses().stream()
            .filter(address -> address.type().equals("InternalIP"))
            .map(Node.Address::address)
            .map(text -> (text.indexOf(':') < 0 ? text : "[" + text + "]") + ":51820")
            .toList();
  }

  static CulvertNode.Spec spec(
      String uid, @Nullable String key, List<String> endpoints, CulvertNode.@Nullable Proof proof) {
    return new CulvertNode.Spec(uid, "wireguard", key, null, endpoints, proof);
  }

  void rekey(String name, @Nullable String key, CulvertNode.@Nullable Proof proof) {
    CulvertNode old = claim(name);
    put(
        new CulvertNode(
            newer(old.metadata(), old.metadata().annotations()),
            spec(old.spec().nodeUID(), key, old.spec().endpoints(), proof),
            old.status()));
  }

  void annotate(String name, Map<String, String> annotations) {
    CulvertNode old = claim(name);
    put(new CulvertNode(newer(old.metadata(), annotations), old.spec(), old.status()));
  }

  private void put(CulvertNode object) {
    claims.put(object.metadata().name(), object);
  }

  private Metadata newer(Metadata old, Map<String, String> annotations) {
    return new Metadata(
        old.name(),
        null,
        old.uid(),
        "" + ++versions,
        old.generation(),
        old.creationTimestamp(),
        null,
        old.labels(),
        annotations,
        old.ownerReferences());
  }

  CulvertNode claim(String name) {
    CulvertNode claim = claims.get(name);
    if (claim == null) {
      throw new AssertionError("no CulvertNode " + name);
    }
    return claim;
  }

  CulvertNode.Status status(String name) {
    CulvertNode.Status status = claim(name).status();
    if (status == null) {
      throw new AssertionError(name + " has no status");
    }
    return status;
  }

  Condition condition(String name, String type) {
    Condition condition = Condition.find(status(name).conditions(), type);
    if (condition == null) {
      throw new AssertionError(name + " has no condition " + type);
    }
    return condition;
  }

  Registrar.Decision decide() {
    now = now.plusSeconds(1);
    return registrar.decide(
        new Registrar.View(nodes, claims.values(), ranges, inDoubt, restored), now);
  }

  void write(StatusChange change) {
    CulvertNode old = claim(change.name());
    put(
        new CulvertNode(
            newer(old.metadata(), old.metadata().annotations()), old.spec(), change.status()));
    writes++;
  }

  /** Decides and writes until nothing is left to write. */
  FakeCluster settle() {
    for (int round = 0; round < 10; round++) {
      List<StatusChange> changes = decide().changes();
      if (changes.isEmpty()) {
        return this;
      }
      changes.forEach(this::write);
    }
    throw new AssertionError("still not at rest: " + decide().changes());
  }
}
