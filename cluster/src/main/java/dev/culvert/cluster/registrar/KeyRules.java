// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.resource.CulvertNode;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Whether a node's key is believed. A key that was accepted stays until its owner proves the change
 * or an administrator approves it: who takes over a node's token alone cannot become the node.
 */
final class KeyRules {
  private static final Set<String> KEYED_ENGINES = Set.of("wireguard", "noise");

  private final RegistrarKey registrar;

  KeyRules(RegistrarKey registrar) {
    this.registrar = registrar;
  }

  /**
   * The judgement of a claim.
   *
   * @param outcome the result for the claim
   * @param key to use; null if the engine has none, or none may be used
   */
  record Verdict(Outcome outcome, @Nullable String key, String reason, String message) {}

  enum Outcome {
    /** The claim holds, with its key. */
    BELIEVED,
    /** The claim is refused, and the key accepted before stays. */
    OLD_STAYS,
    /** There is no key yet. */
    INCOMPLETE,
    /** The claim is refused, and there is nothing from before. */
    REFUSED
  }

  /**
   * Judges the key of a claim.
   *
   * @param accepted the key that was accepted last for this node, or null
   */
  Verdict judge(CulvertNode object, @Nullable String accepted) {
    CulvertNode.Spec spec = object.spec();
    String claimed = spec.publicKey();
    if (claimed == null && KEYED_ENGINES.contains(spec.engine())) {
      return accepted == null
          ? new Verdict(
              Outcome.INCOMPLETE,
              null,
              "KeyMissing",
              "engine " + spec.engine() + " needs spec.publicKey")
          : new Verdict(
              Outcome.OLD_STAYS, accepted, "KeyMissing", "spec has no key; the old one stays");
    }
    if (claimed != null && claimed.equals(accepted)) {
      return new Verdict(Outcome.BELIEVED, claimed, "KeyAccepted", "");
    }
    if (claimed != null && PublicKey.parse(claimed) == null) {
      String message = "spec.publicKey is not a public key of X25519";
      return accepted == null
          ? new Verdict(Outcome.REFUSED, null, "KeyInvalid", message)
          : new Verdict(Outcome.OLD_STAYS, accepted, "KeyInvalid", message);
    }
    if (accepted == null) {
      return claimed == null
          ? new Verdict(Outcome.BELIEVED, null, "NoKeyNeeded", "engine " + spec.engine())
          : new Verdict(Outcome.BELIEVED, claimed, "FirstKey", "the node's first key");
    }
    return change(object, accepted, claimed);
  }

  private Verdict change(CulvertNode object, String accepted, @Nullable String claimed) {
    String approved = object.metadata().annotations().get(CulvertNode.ACCEPT_KEY);
    String wanted = claimed == null ? CulvertNode.NO_KEY : claimed;
    if (wanted.equals(approved)) {
      return new Verdict(
          Outcome.BELIEVED,
          claimed,
          "AdministratorApproved",
          "by the annotation " + CulvertNode.ACCEPT_KEY);
    }
    CulvertNode.Proof proof = object.spec().proof();
    KeyChangeProof.Verdict verdict =
        proof == null
            ? null
            : registrar.verify(
                new KeyChangeProof.Change(
                    object.metadata().name(), object.spec().nodeUID(), accepted, claimed),
                proof);
    if (verdict == KeyChangeProof.Verdict.PROVEN) {
      return new Verdict(Outcome.BELIEVED, claimed, "ChangeProven", "by the old key's owner");
    }
    return new Verdict(
        Outcome.OLD_STAYS,
        accepted,
        verdict == KeyChangeProof.Verdict.OUTDATED ? "ProofOutdated" : "KeyChanged",
        "the key "
            + accepted
            + " stays; "
            + refusal(verdict)
            + "; to accept the change, run 'culvert nodes accept "
            + object.metadata().name()
            + "', or annotate "
            + CulvertNode.ACCEPT_KEY
            + "="
            + wanted);
  }

  private static String refusal(KeyChangeProof.@Nullable Verdict verdict) {
    if (verdict == null) {
      return "the change has no proof";
    }
    return verdict == KeyChangeProof.Verdict.OUTDATED
        ? "the proof was made for the key of an earlier registrar, and has to be made again"
        : "the proof of the change is wrong";
  }
}
