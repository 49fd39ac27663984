// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.claim;

import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertNode.Phase;
import dev.culvert.cluster.resource.Metadata;
import dev.culvert.cluster.resource.Namespace;
import dev.culvert.cluster.resource.Node;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Publishes this node's claim, and looks from time to time whether it still stands. Writes only if
 * the object differs from the claim, so nothing changes at rest.
 */
public final class Publisher {
  private static final EventLog log = EventLog.of(Publisher.class);

  /** After an accepted claim; an object that was deleted is back within this time. */
  static final Duration AT_REST = Duration.ofMinutes(10);

  static final Duration FIRST_WAIT = Duration.ofSeconds(1);
  static final Duration LONGEST_WAIT = Duration.ofSeconds(30);

  private final KubeApi api;
  private final String name;
  private final Supplier<@Nullable String> clusterUid;
  private final Supplier<OwnClaim> claim;
  private final KeyProver prover;
  private volatile Publication publication = Publication.NOT_YET;
  private volatile @Nullable OwnClaim published;
  private Duration wait = FIRST_WAIT;

  /**
   * @param name of the Node
   * @param clusterUid of the only cluster that gets the claim; null: of any
   * @param claim the present one
   * @param prover asked when the claim has another key than the accepted one
   */
  public Publisher(
      KubeApi api,
      String name,
      Supplier<@Nullable String> clusterUid,
      Supplier<OwnClaim> claim,
      KeyProver prover) {
    this.api = api;
    this.name = name;
    this.clusterUid = clusterUid;
    this.claim = claim;
    this.prover = prover;
  }

  public Publication publication() {
    return publication;
  }

  /** Whether the claim has changed since it was published. */
  public boolean isOutdated() {
    return published != null && !claim.get().equals(published);
  }

  /**
   * Publishes the claim if need be.
   *
   * @return how long to wait before this is called again
   */
  public Duration step() {
    try {
      Publication before = publication;
      publication = publish(claim.get());
      tell(before, publication);
      return publication.phase() == Phase.ACCEPTED && publication.reasons().isEmpty()
          ? rest()
          : backOff();
    } catch (KubeException e) {
      fail(String.valueOf(e.getMessage()));
      Duration asked = e.retryAfter();
      Duration ours = backOff();
      return asked == null || asked.compareTo(ours) < 0 ? ours : asked;
    } catch (RuntimeException e) {
      fail(e.toString());
      return backOff();
    }
  }

  private Duration rest() {
    wait = FIRST_WAIT;
    return AT_REST;
  }

  private Duration backOff() {
    Duration now = wait;
    Duration twice = wait.multipliedBy(2);
    wait = twice.compareTo(LONGEST_WAIT) > 0 ? LONGEST_WAIT : twice;
    return now;
  }

  private void fail(String cause) {
    if (!cause.equals(publication.error())) {
      log.warn(
          LogEvent.CLAIM_UNPUBLISHED,
          "this node's claim is not published: {}",
          Field.reason(cause));
    }
    publication = publication.failed(cause);
  }

  private void tell(Publication before, Publication after) {
    if (!after.equals(before)) {
      log.info(
          LogEvent.NODE_PHASE,
          "node {} is {}{}",
          name,
          after.phase() == null ? "unknown to the registrar" : after.phase().text(),
          after.reasons().isEmpty() ? "" : ": " + String.join("; ", after.reasons()));
    }
  }

  private Publication publish(OwnClaim now) throws KubeException {
    api.requireSupported();
    requireFollowedCluster();
    Node node = api.get(ResourceKind.NODES, name);
    CulvertNode present = present();
    if (present == null) {
      CulvertNode made =
          api.create(ResourceKind.CULVERT_NODES, ClaimObject.whole(node, now.spec(node, null)));
      published = now;
      return of(made, now);
    }
    String obstacle = obstacle(node, present);
    if (obstacle != null) {
      return new Publication(Phase.PENDING, List.of(), obstacle);
    }
    CulvertNode.Spec wanted = now.spec(node, proof(node, present, now));
    if (!wanted.equals(present.spec()) || !isOwned(node, present)) {
      present = api.patch(ResourceKind.CULVERT_NODES, name, null, ClaimObject.patch(node, wanted));
    }
    published = now;
    return of(present, now);
  }

  /** A cluster whose nodes are refused gets no claim either. */
  private void requireFollowedCluster() throws KubeException {
    String followed = clusterUid.get();
    if (followed == null) {
      return;
    }
    String uid = api.get(ResourceKind.NAMESPACES, Namespace.KUBE_SYSTEM).metadata().uid();
    if (!uid.equals(followed)) {
      throw new KubeException(
          KubeException.CONFLICT,
          "the API is that of another cluster: its uid is %s, and %s is followed"
              .formatted(uid, followed),
          null,
          null);
    }
  }

  private @Nullable CulvertNode present() throws KubeException {
    try {
      return api.get(ResourceKind.CULVERT_NODES, name);
    } catch (KubeException e) {
      if (e.code() == KubeException.NOT_FOUND) {
        return null;
      }
      throw e;
    }
  }

  /** Why the object cannot become this node's claim yet. */
  private static @Nullable String obstacle(Node node, CulvertNode present) {
    Metadata metadata = present.metadata();
    if (metadata.deletionTimestamp() != null) {
      return "the CulvertNode is being deleted; the claim is published after that";
    }
    if (!present.spec().nodeUID().equals(node.metadata().uid())) {
      return "the CulvertNode belongs to an earlier Node of this name; Kubernetes' garbage collector,"
          + " or 'kubectl delete culvertnode "
          + metadata.name()
          + "', deletes it";
    }
    return null;
  }

  private static boolean isOwned(Node node, CulvertNode present) {
    return present.metadata().ownerReferences().stream()
        .anyMatch(owner -> Objects.equals(owner.uid(), node.metadata().uid()));
  }

  /**
   * The proof that the accepted key's owner approves this one; the present one if none is due. One
   * that was made for another change is taken away: the registrar would ask for it to be renewed.
   */
  private CulvertNode.@Nullable Proof proof(Node node, CulvertNode present, OwnClaim now)
      throws KubeException {
    CulvertNode.Status status = present.status();
    String accepted = status == null ? null : status.publicKey();
    CulvertNode.Proof before = present.spec().proof();
    if (accepted == null || accepted.equals(now.publicKey())) {
      return before;
    }
    CulvertNode.Proof proof = prover.prove(name, node.metadata().uid(), accepted, now.publicKey());
    boolean sameChange = Objects.equals(present.spec().publicKey(), now.publicKey());
    return proof == null && sameChange ? before : proof;
  }

  private static Publication of(CulvertNode object, OwnClaim now) {
    CulvertNode.Status status = object.status();
    if (status == null) {
      return new Publication(Phase.PENDING, List.of("no registrar has seen it yet"), null);
    }
    boolean ours = Objects.equals(status.publicKey(), now.publicKey());
    return new Publication(
        status.phase() == Phase.ACCEPTED && !ours ? Phase.PENDING : status.phase(),
        status.faults(),
        null);
  }
}
