// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.registrar.Candidate.Conflict;
import dev.culvert.cluster.registrar.ClaimIndex.Holding;
import dev.culvert.cluster.resource.Condition;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertNode.Phase;
import dev.culvert.cluster.resource.CulvertNode.Status;
import dev.culvert.cluster.resource.Node;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Decides which nodes are believed. It has no state but that of the cluster: the same objects give
 * the same decision, so another registrar can go on at any time, and a decision whose changes are
 * all written is followed by an empty one.
 *
 * <ul>
 *   <li>A node is accepted once its Node has the uid of its claim, and its key, ranges and
 *       addresses are known and no other node's.
 *   <li>Accepted keys and ranges stay. A changed key needs the old key's proof or an
 *       administrator's word ({@link KeyRules}); until then the whole old claim stays in force. A
 *       new range or address that is another's is left out, and the rest of the node stays
 *       accepted.
 *   <li>An endpoint is believed at an address that the node gets alone: at any other one,
 *       handshakes of the whole cluster would go to somebody who did not ask for them.
 *   <li>Of two nodes that claim a key, range or address, the one that holds it in an accepted
 *       status keeps it; if none does, the first by time of acceptance, then of creation, then by
 *       name. A node that was not accepted yet is rejected as a whole, and accepted once the owner
 *       is gone.
 *   <li>A key, range or address changes hands in two steps: the owner's status without it is
 *       written first. So no order of writes lets two accepted nodes share one.
 *   <li>After a restore of etcd only decisions are made that give nothing away: the key of an
 *       accepted node, proven or approved as always, and an administrator's rejection.
 * </ul>
 */
public final class Registrar {
  private static final List<Prefix> NO_NODES =
      List.of(
          Prefix.parse("0.0.0.0/8"),
          Prefix.parse("127.0.0.0/8"),
          Prefix.parse("169.254.0.0/16"),
          Prefix.parse("224.0.0.0/3"),
          Prefix.parse("::/127"),
          Prefix.parse("fe80::/10"),
          Prefix.parse("ff00::/8"));

  private final KeyRules keyRules;
  private final ClaimIndex reserved = new ClaimIndex(false);
  private final ClaimIndex apiServers = new ClaimIndex(false);
  private final ClaimIndex nodeNetworks = new ClaimIndex(false);
  private final List<Prefix> podNetworks;

  /**
   * An administrator's settings for the cluster's networks.
   *
   * @param nodeNetworks that hold all nodes' addresses; empty if that is not said
   * @param services the ranges of the services' addresses, which no node may claim
   * @param apiServers addresses that only control-plane nodes may claim
   * @param podNetworks that hold all pods' ranges; empty if that is not said
   */
  public record Settings(
      List<Prefix> nodeNetworks,
      List<Prefix> services,
      List<IpAddress> apiServers,
      List<Prefix> podNetworks) {
    public static final Settings NONE = new Settings(List.of(), List.of(), List.of(), List.of());

    public Settings {
      nodeNetworks = List.copyOf(nodeNetworks);
      services = List.copyOf(services);
      apiServers = List.copyOf(apiServers);
      podNetworks = List.copyOf(podNetworks);
    }
  }

  /**
   * The cluster as the registrar sees it.
   *
   * @param nodes by name
   * @param ranges of all nodes' pods
   * @param inDoubt by name: a status that was sent and whose fate is not known
   * @param restored whether etcd was restored from a backup a short while ago, so that nodes that
   *     joined since then may be missing
   */
  public record View(
      Map<String, Node> nodes,
      Collection<CulvertNode> claims,
      RangeSource ranges,
      Map<String, Status> inDoubt,
      boolean restored) {}

  /**
   * The changes to make.
   *
   * @param changes one per object whose status is to be another one
   * @param orphans claims whose Node is not there, or is another one
   */
  public record Decision(List<StatusChange> changes, List<CulvertNode> orphans) {}

  public Registrar(RegistrarKey key, Settings settings) {
    keyRules = new KeyRules(key);
    podNetworks = settings.podNetworks();
    NO_NODES.forEach(range -> reserve(reserved, range, "in a range that no node can have"));
    settings.services().forEach(range -> reserve(reserved, range, "the services'"));
    settings
        .apiServers()
        .forEach(address -> reserve(apiServers, Prefix.host(address), "an API server's"));
    settings.nodeNetworks().forEach(range -> reserve(nodeNetworks, range, "the nodes'"));
  }

  private static void reserve(ClaimIndex index, Prefix range, String owner) {
    index.hold(range, new Holding(owner, true, false));
  }

  public Decision decide(View view, Instant now) {
    List<CulvertNode> orphans = new ArrayList<>();
    List<Candidate> candidates = candidates(view, orphans);
    ClaimIndex index = new ClaimIndex(view.ranges().lends());
    for (Candidate candidate : candidates) {
      if (candidate.accepted && candidate.facts != null) {
        keepHoldings(candidate, index);
      }
    }
    occupy(view, index);
    List<StatusChange> changes = new ArrayList<>();
    for (Candidate candidate : candidates) {
      Status after =
          view.inDoubt().containsKey(candidate.name) ? null : decide(candidate, index, now);
      if (after != null
          && !after.equals(candidate.object.status())
          && (!view.restored() || givesNothingAway(candidate, after))) {
        boolean nodeGone = candidate.accepted && after.phase() == Phase.PENDING;
        changes.add(new StatusChange(candidate.object, after, nodeGone));
      }
    }
    return new Decision(changes, view.restored() ? List.of() : orphans);
  }

  private static boolean givesNothingAway(Candidate candidate, Status after) {
    Status before = candidate.before;
    boolean rejected = candidate.object.metadata().annotations().containsKey(CulvertNode.REJECT);
    boolean sameFacts =
        after.phase() == Phase.ACCEPTED
            && after.ranges().equals(before.ranges())
            && after.addresses().equals(before.addresses())
            && after.roles().equals(before.roles())
            && after.labels().equals(before.labels());
    return candidate.accepted && (rejected || sameFacts);
  }

  private static List<Candidate> candidates(View view, List<CulvertNode> orphans) {
    List<Candidate> candidates = new ArrayList<>();
    for (CulvertNode object : view.claims()) {
      Node node = view.nodes().get(object.metadata().name());
      Facts facts = null;
      if (node == null || !node.metadata().uid().equals(object.spec().nodeUID())) {
        orphans.add(object);
      } else if (!object.metadata().annotations().containsKey(CulvertNode.REJECT)) {
        facts = Facts.of(node, view.ranges());
      }
      candidates.add(new Candidate(object, facts));
    }
    candidates.sort(Candidate.FIRST_OWNER);
    return candidates;
  }

  /**
   * An accepted node keeps the ranges that it holds and still claims, unless they are reserved by
   * now.
   */
  private void keepHoldings(Candidate candidate, ClaimIndex index) {
    String key = candidate.before.publicKey();
    if (key != null) {
      Holding rival = index.rivalForKey(candidate.name, key);
      if (rival == null) {
        index.holdKey(key, new Holding(candidate.name, false, false));
      } else {
        candidate.conflicts.add(keyConflict(candidate, key, rival));
      }
    }
    candidate.heldAddresses().forEach(address -> claim(candidate, address, index));
    candidate.heldRanges().forEach(range -> claim(candidate, range, index));
  }

  /** All else in an accepted status belongs to no other node until another status is written. */
  private static void occupy(View view, ClaimIndex index) {
    for (CulvertNode object : view.claims()) {
      if (object.status() != null) {
        occupy(object.metadata().name(), object.status(), index);
      }
    }
    view.inDoubt().forEach((name, status) -> occupy(name, status, index));
  }

  private static void occupy(String name, Status status, ClaimIndex index) {
    if (status.phase() != Phase.ACCEPTED) {
      return;
    }
    if (status.publicKey() != null) {
      index.holdKey(status.publicKey(), new Holding(name, false, true));
    }
    for (IpAddress address : Candidate.addresses(status)) {
      index.hold(Prefix.host(address), new Holding(name, true, true));
    }
    for (Prefix range : Candidate.ranges(status)) {
      index.hold(range, new Holding(name, false, true));
    }
  }

  private void claim(Candidate candidate, IpAddress address, ClaimIndex index) {
    if (isFree(candidate, Prefix.host(address), true, index)) {
      candidate.addresses.add(address);
      index.hold(Prefix.host(address), new Holding(candidate.name, true, false));
    }
  }

  private void claim(Candidate candidate, Prefix range, ClaimIndex index) {
    if (isFree(candidate, range, false, index)) {
      candidate.ranges.add(range);
      index.hold(range, new Holding(candidate.name, false, false));
    }
  }

  /** Whether a node may have the range or address; if not, says why in the candidate. */
  private boolean isFree(Candidate candidate, Prefix claim, boolean address, ClaimIndex index) {
    String text = address ? claim.address().toString() : claim.toString();
    Holding rule = reserved.rival(candidate.name, claim, true);
    boolean controlPlane = candidate.facts != null && candidate.facts.isControlPlane();
    if (rule == null && !controlPlane) {
      rule = apiServers.rival(candidate.name, claim, true);
    }
    if (rule != null) {
      candidate.conflicts.add(
          new Conflict(
              "Reserved", text + " of " + candidate.name + " is refused: it is " + rule.owner()));
      return false;
    }
    if (address && !nodeNetworks.isEmpty() && !nodeNetworks.contains(claim.address())) {
      candidate.conflicts.add(
          new Conflict(
              "OutsideNodeNetworks",
              text
                  + " of "
                  + candidate.name
                  + " is refused: it is outside of the nodes' networks"));
      return false;
    }
    if (!address
        && !podNetworks.isEmpty()
        && podNetworks.stream().noneMatch(network -> network.contains(claim))) {
      candidate.conflicts.add(
          new Conflict(
              "OutsidePodNetworks",
              text
                  + " of "
                  + candidate.name
                  + " is refused: it is outside of the pods' networks (clusterCIDRs)"));
      return false;
    }
    Holding rival = index.rival(candidate.name, claim, address);
    if (rival == null) {
      return true;
    }
    if (rival.releasing()) {
      candidate.waits = true;
    } else {
      candidate.conflicts.add(
          new Conflict(
              address ? "AddressConflict" : "RangeConflict",
              text + " is claimed by " + candidate.name + " and belongs to " + rival.owner()));
    }
    return false;
  }

  private static Conflict keyConflict(Candidate candidate, String key, Holding rival) {
    return new Conflict(
        "KeyConflict",
        "the key " + key + " is claimed by " + candidate.name + " and belongs to " + rival.owner());
  }

  /** The candidate's new status; null if it stays as it is. */
  private @Nullable Status decide(Candidate candidate, ClaimIndex index, Instant now) {
    Conditions conditions = new Conditions(candidate.before.conditions(), now);
    Facts facts = candidate.facts;
    if (facts == null) {
      return outOfTheRace(candidate, conditions);
    }
    KeyRules.Verdict key = keyRules.judge(candidate.object, candidate.before.publicKey());
    return candidate.accepted
        ? decideAccepted(candidate, facts, key, index, conditions)
        : decideNew(candidate, facts, key, index, conditions);
  }

  private static Status outOfTheRace(Candidate candidate, Conditions conditions) {
    String reject = candidate.object.metadata().annotations().get(CulvertNode.REJECT);
    Phase phase = reject == null ? Phase.PENDING : Phase.REJECTED;
    String reason = reject == null ? "NodeUnknown" : "RejectedByAdministrator";
    String message =
        reject == null
            ? "there is no Node "
                + candidate.name
                + " with the uid "
                + candidate.object.spec().nodeUID()
            : reject;
    conditions
        .set(Condition.KEY_ACCEPTED, Condition.FALSE, reason, message)
        .set(Condition.RANGES_KNOWN, Condition.UNKNOWN, reason, message)
        .set(Condition.NO_CONFLICT, Condition.UNKNOWN, reason, message);
    return unbelieved(candidate, phase, conditions);
  }

  /** A status that no node believes. It remembers the key, which only its owner may change. */
  private static Status unbelieved(Candidate candidate, Phase phase, Conditions conditions) {
    return new Status(
        phase,
        null,
        candidate.before.publicKey(),
        null,
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        Map.of(),
        conditions.list());
  }

  private @Nullable Status decideNew(
      Candidate candidate,
      Facts facts,
      KeyRules.Verdict key,
      ClaimIndex index,
      Conditions conditions) {
    boolean believed = key.outcome() == KeyRules.Outcome.BELIEVED;
    Facts.Problem problem = facts.problem();
    if (!believed || problem != null) {
      conditions.set(
          Condition.KEY_ACCEPTED,
          believed ? Condition.UNKNOWN : Condition.FALSE,
          key.reason(),
          key.message());
      ranges(conditions, problem);
      conditions.set(Condition.NO_CONFLICT, Condition.UNKNOWN, "Incomplete", "not compared yet");
      boolean wait = believed || key.outcome() == KeyRules.Outcome.INCOMPLETE;
      return unbelieved(candidate, wait ? Phase.PENDING : Phase.REJECTED, conditions);
    }
    Conflict keyConflict = checkKey(candidate, key.key(), index);
    for (IpAddress address : orEmpty(facts.addresses())) {
      isFree(candidate, Prefix.host(address), true, index);
    }
    for (Prefix range : orEmpty(facts.ranges())) {
      isFree(candidate, range, false, index);
    }
    if (!candidate.conflicts.isEmpty()) {
      Conflict first = candidate.conflicts.getFirst();
      if (keyConflict == null) {
        conditions.set(
            Condition.KEY_ACCEPTED, Condition.UNKNOWN, first.reason(), "the node is rejected");
      } else {
        conditions.set(Condition.KEY_ACCEPTED, Condition.FALSE, first.reason(), first.message());
      }
      ranges(conditions, null);
      conflicts(conditions, candidate);
      return unbelieved(candidate, Phase.REJECTED, conditions);
    }
    if (candidate.waits) {
      return null;
    }
    take(candidate, facts, key.key(), index);
    List<String> endpoints = Endpoints.own(candidate, candidate.object.spec().endpoints());
    conditions.set(Condition.KEY_ACCEPTED, Condition.TRUE, key.reason(), key.message());
    ranges(conditions, null);
    conflicts(conditions, candidate);
    return accepted(candidate, facts, true, key.key(), endpoints, conditions);
  }

  private Status decideAccepted(
      Candidate candidate,
      Facts facts,
      KeyRules.Verdict key,
      ClaimIndex index,
      Conditions conditions) {
    String held = candidate.before.publicKey();
    if (held != null && candidate.conflicts.stream().anyMatch(Registrar::isKeyConflict)) {
      // Two accepted nodes with one key: a registrar that writes as it should never leaves that.
      conditions.set(
          Condition.KEY_ACCEPTED,
          Condition.FALSE,
          candidate.conflicts.getFirst().reason(),
          candidate.conflicts.getFirst().message());
      ranges(conditions, facts.problem());
      conflicts(conditions, candidate);
      return unbelieved(candidate, Phase.REJECTED, conditions);
    }
    boolean believed = key.outcome() == KeyRules.Outcome.BELIEVED;
    String newKey = believed && !Objects.equals(key.key(), held) ? key.key() : null;
    Conflict keyConflict = checkKey(candidate, newKey, index);
    boolean taken = believed && keyConflict == null && !(newKey != null && candidate.waits);
    if (taken && newKey != null) {
      index.holdKey(newKey, new Holding(candidate.name, false, false));
    }
    if (keyConflict != null) {
      conditions.set(
          Condition.KEY_ACCEPTED, Condition.FALSE, keyConflict.reason(), keyConflict.message());
    } else if (!believed) {
      conditions.set(Condition.KEY_ACCEPTED, Condition.FALSE, key.reason(), key.message());
    } else {
      keyIsAccepted(candidate, key, newKey != null, conditions);
    }
    takeNew(candidate, facts, index);
    List<String> endpoints =
        Endpoints.own(
            candidate, taken ? candidate.object.spec().endpoints() : candidate.before.endpoints());
    ranges(conditions, facts.problem());
    conflicts(conditions, candidate);
    return accepted(candidate, facts, taken, taken ? key.key() : held, endpoints, conditions);
  }

  private static boolean isKeyConflict(Conflict conflict) {
    return conflict.reason().equals("KeyConflict");
  }

  /** Says how the key came to be accepted, and goes on saying it. */
  private static void keyIsAccepted(
      Candidate candidate, KeyRules.Verdict key, boolean changed, Conditions conditions) {
    Condition old = Condition.find(candidate.before.conditions(), Condition.KEY_ACCEPTED);
    if (!changed && old != null && Condition.TRUE.equals(old.status())) {
      conditions.keep(old);
    } else {
      conditions.set(Condition.KEY_ACCEPTED, Condition.TRUE, key.reason(), key.message());
    }
  }

  private static @Nullable Conflict checkKey(
      Candidate candidate, @Nullable String key, ClaimIndex index) {
    Holding rival = key == null ? null : index.rivalForKey(candidate.name, key);
    if (key == null || rival == null) {
      return null;
    }
    if (rival.releasing()) {
      candidate.waits = true;
      return null;
    }
    Conflict conflict = keyConflict(candidate, key, rival);
    candidate.conflicts.add(conflict);
    return conflict;
  }

  private void take(Candidate candidate, Facts facts, @Nullable String key, ClaimIndex index) {
    if (key != null) {
      index.holdKey(key, new Holding(candidate.name, false, false));
    }
    orEmpty(facts.addresses()).forEach(address -> claim(candidate, address, index));
    orEmpty(facts.ranges()).forEach(range -> claim(candidate, range, index));
  }

  private void takeNew(Candidate candidate, Facts facts, ClaimIndex index) {
    List<IpAddress> heldAddresses = candidate.heldAddresses();
    for (IpAddress address : orEmpty(facts.addresses())) {
      if (!heldAddresses.contains(address)) {
        claim(candidate, address, index);
      }
    }
    if (facts.tooManyRanges()) {
      return;
    }
    List<Prefix> heldRanges = candidate.heldRanges();
    for (Prefix range : orEmpty(facts.ranges())) {
      if (!heldRanges.contains(range)) {
        claim(candidate, range, index);
      }
    }
  }

  private static <T> List<T> orEmpty(@Nullable List<T> list) {
    return list == null ? List.of() : list;
  }

  private static void ranges(Conditions conditions, Facts.@Nullable Problem problem) {
    if (problem == null) {
      conditions.set(Condition.RANGES_KNOWN, Condition.TRUE, "RangesKnown", "");
    } else {
      conditions.set(Condition.RANGES_KNOWN, Condition.FALSE, problem.reason(), problem.message());
    }
  }

  private static void conflicts(Conditions conditions, Candidate candidate) {
    if (candidate.conflicts.isEmpty()) {
      conditions.set(Condition.NO_CONFLICT, Condition.TRUE, "NoConflict", "");
      return;
    }
    String messages =
        String.join("; ", candidate.conflicts.stream().map(Conflict::message).limit(8).toList());
    conditions.set(
        Condition.NO_CONFLICT, Condition.FALSE, candidate.conflicts.getFirst().reason(), messages);
  }

  /**
   * A status that is believed.
   *
   * @param claimed whether the engine is that of the claim, or the one from before
   */
  private static Status accepted(
      Candidate candidate,
      Facts facts,
      boolean claimed,
      @Nullable String key,
      List<String> endpoints,
      Conditions conditions) {
    CulvertNode.Spec spec = candidate.object.spec();
    Status before = candidate.before;
    List<IpAddress> addresses = candidate.addresses;
    if (facts.addresses() != null) {
      addresses = facts.addresses().stream().filter(addresses::contains).toList();
    }
    return new Status(
        Phase.ACCEPTED,
        claimed ? spec.engine() : before.engine(),
        key,
        claimed ? spec.espKeyId() : before.espKeyId(),
        endpoints,
        candidate.ranges.stream().sorted().map(Prefix::toString).toList(),
        addresses.stream().map(IpAddress::toString).toList(),
        facts.roles() == null ? before.roles() : facts.roles(),
        facts.labels() == null ? before.labels() : facts.labels(),
        conditions.list());
  }
}
