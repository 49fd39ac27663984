// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertNode.Phase;
import dev.culvert.crypto.SecretBytes;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The registrar's decisions shortly after etcd was restored from a backup. */
class RestoredClusterTest {
  private final FakeCluster cluster = new FakeCluster();

  @BeforeEach
  void restore() {
    cluster
        .node("a", "10.0.0.1", "10.1.0.0/24")
        .claim("a", FakeCluster.key(1))
        .node("b", "10.0.0.2", "10.1.1.0/24")
        .claim("b", FakeCluster.key(2))
        .settle();
    cluster.restored = true;
  }

  @Test
  void aProvenKeyIsAcceptedAtOnce() {
    try (SecretBytes old = SecretBytes.owning(FakeCluster.privateKey(1))) {
      KeyChangeProof.Change change =
          new KeyChangeProof.Change("a", "a-uid", FakeCluster.key(1), FakeCluster.key(9));
      CulvertNode.Proof proof = KeyChangeProof.make(old, cluster.registrarKey.publicKey(), change);
      cluster.rekey("a", FakeCluster.key(9), proof);
    }
    cluster.settle();
    assertEquals(FakeCluster.key(9), cluster.status("a").publicKey());
    assertEquals("ChangeProven", cluster.condition("a", "KeyAccepted").reason());
  }

  @Test
  void anApprovedKeyIsAcceptedAtOnceAndNoOther() {
    cluster.rekey("a", FakeCluster.key(9), null);
    cluster.settle();
    assertEquals(FakeCluster.key(1), cluster.status("a").publicKey());
    assertEquals("KeyChanged", cluster.condition("a", "KeyAccepted").reason());
    cluster.annotate("a", Map.of("culvert.dev/accept-key", FakeCluster.key(9)));
    cluster.settle();
    assertEquals(FakeCluster.key(9), cluster.status("a").publicKey());
  }

  @Test
  void anAdministratorsRejectionCountsAtOnce() {
    cluster.annotate("a", Map.of("culvert.dev/reject", "stolen"));
    cluster.settle();
    assertEquals(Phase.REJECTED, cluster.status("a").phase());
  }

  /** They may belong to a node that joined since the backup and has not published itself anew. */
  @Test
  void noRangeAddressOrNodeIsAccepted() {
    cluster.node("a", "10.0.0.9", "10.1.0.0/24", "10.1.9.0/24");
    cluster.node("c", "10.0.0.3", "10.1.2.0/24").claim("c", FakeCluster.key(3));
    cluster.settle();
    assertEquals(List.of("10.1.0.0/24"), cluster.status("a").ranges());
    assertEquals(List.of("10.0.0.1"), cluster.status("a").addresses());
    assertNull(cluster.claim("c").status());
    cluster.restored = false;
    cluster.settle();
    assertEquals(List.of("10.1.0.0/24", "10.1.9.0/24"), cluster.status("a").ranges());
    assertEquals(Phase.ACCEPTED, cluster.status("c").phase());
  }

  @Test
  void aClaimWhoseNodeIsMissingStays() {
    cluster.nodes.remove("b");
    assertEquals(List.of(), cluster.decide().changes());
    assertEquals(List.of(), cluster.decide().orphans());
    cluster.restored = false;
    assertEquals(1, cluster.decide().orphans().size());
  }
}
