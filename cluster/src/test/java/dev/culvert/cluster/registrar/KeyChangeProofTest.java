// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.culvert.cluster.registrar.KeyChangeProof.Change;
import dev.culvert.cluster.registrar.KeyChangeProof.Verdict;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.crypto.SecretBytes;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The proof that the old key's owner approves the new key. */
class KeyChangeProofTest {
  private static final String OLD = FakeCluster.key(1);
  private static final String NEW = FakeCluster.key(2);
  private static final Change CHANGE = new Change("worker-1", "uid-1", OLD, NEW);

  private final RegistrarKey registrar = RegistrarKey.of(FakeCluster.privateKey(100));

  private CulvertNode.Proof make(int privateKey, Change change) {
    try (SecretBytes key = SecretBytes.owning(FakeCluster.privateKey(privateKey))) {
      return KeyChangeProof.make(key, registrar.publicKey(), change);
    }
  }

  @Test
  void theOldKeysOwnerProvesAChange() {
    assertEquals(Verdict.PROVEN, registrar.verify(CHANGE, make(1, CHANGE)));
  }

  @Test
  void aNodeProvesThatItGivesUpItsKey() {
    Change none = new Change("worker-1", "uid-1", OLD, null);
    assertEquals(Verdict.PROVEN, registrar.verify(none, make(1, none)));
    assertEquals(Verdict.INVALID, registrar.verify(CHANGE, make(1, none)));
  }

  @Test
  void aProofHoldsForOneNodeOneUidAndOnePairOfKeysOnly() {
    CulvertNode.Proof proof = make(1, CHANGE);
    for (Change other :
        List.of(
            new Change("worker-2", "uid-1", OLD, NEW),
            new Change("worker-1", "uid-2", OLD, NEW),
            new Change("orker-1", "uid-1w", OLD, NEW),
            new Change("worker-1", "uid-1", FakeCluster.key(3), NEW),
            new Change("worker-1", "uid-1", OLD, FakeCluster.key(3)),
            new Change("worker-1", "uid-1", NEW, OLD))) {
      assertEquals(Verdict.INVALID, registrar.verify(other, proof), other.toString());
    }
  }

  @Test
  void everyByteOfAProofCounts() {
    byte[] value = Base64.getDecoder().decode(make(1, CHANGE).value());
    Set<Verdict> verdicts = new HashSet<>();
    for (int i = 0; i < value.length; i++) {
      value[i] ^= 1;
      verdicts.add(
          registrar.verify(
              CHANGE, new CulvertNode.Proof("mac", Base64.getEncoder().encodeToString(value))));
      value[i] ^= 1;
    }
    assertEquals(Set.of(Verdict.OUTDATED, Verdict.INVALID), verdicts);
  }

  @Test
  void aProofOfAnotherFormIsInvalid() {
    String value = make(1, CHANGE).value();
    for (CulvertNode.Proof proof :
        List.of(
            new CulvertNode.Proof("svid", value),
            new CulvertNode.Proof("mac", ""),
            new CulvertNode.Proof("mac", "!"),
            new CulvertNode.Proof("mac", value.substring(4)))) {
      assertEquals(Verdict.INVALID, registrar.verify(CHANGE, proof));
    }
  }

  @Test
  void aProofForAnotherRegistrarIsOutdated() {
    RegistrarKey next = RegistrarKey.of(FakeCluster.privateKey(101));
    assertEquals(Verdict.OUTDATED, next.verify(CHANGE, make(1, CHANGE)));
  }

  @Test
  void onlyTheOwnerOfTheOldKeyCanMakeAProof() {
    assertThrows(IllegalArgumentException.class, () -> make(5, CHANGE));
    Change forged = new Change("worker-1", "uid-1", FakeCluster.key(5), NEW);
    assertEquals(Verdict.INVALID, registrar.verify(CHANGE, make(5, forged)));
  }

  @Test
  void noSecretShowsItself() {
    String secret = Base64.getEncoder().encodeToString(FakeCluster.privateKey(100));
    assertFalse(registrar.toString().contains(secret.substring(0, 8)));
    registrar.close();
    assertThrows(IllegalStateException.class, () -> registrar.verify(CHANGE, make(1, CHANGE)));
  }

  /** So that a daemon and a registrar of different versions agree. */
  @Test
  void theFixedVectorHolds() {
    assertEquals(
        "B2WuCfXmFuR8CzdsT9IpyOQ01aTDrRdpN93nmjQ6bjLdeaSFVJCifo3dYnB9kCYj5Io5qoRaRIXwy8baucAgcw==",
        make(1, CHANGE).value());
  }
}
