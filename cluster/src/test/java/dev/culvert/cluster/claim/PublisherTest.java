// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.claim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.kube.KubeException;
import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.CulvertNode.Phase;
import dev.culvert.routing.IpAddress;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** A node publishes its own claim, once and whole, and writes again only if something differs. */
final class PublisherTest {
  private static final String OLD = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
  private static final String NEW = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";

  private static final String LOST = "/L3ELYCXPxIeSXGmfURhwEEc2iX7kL47EdxiJ0TO31o=";

  private final OneNodeApi api = new OneNodeApi();
  private OwnClaim claim = wireGuard(OLD);
  private CulvertNode.@Nullable Proof proof;
  private @Nullable String followed;
  private final Publisher publisher =
      new Publisher(api, "a", () -> followed, () -> claim, (node, uid, oldKey, newKey) -> proof);

  private static OwnClaim wireGuard(String key) {
    return new OwnClaim("wireguard", key, 0, 51820, List.of(IpAddress.parse("192.0.2.77")));
  }

  private void accept() {
    CulvertNode now = api.claim();
    api.status(Phase.ACCEPTED, now.spec().publicKey(), List.of());
  }

  @Test
  void theFirstClaimIsOwnedByTheNodeAndHasItsInternalAddresses() {
    api.node("uid-1", "192.0.2.1", "2001:db8::1");
    publisher.step();
    CulvertNode made = api.claim();
    assertEquals("uid-1", made.spec().nodeUID());
    assertEquals("wireguard", made.spec().engine());
    assertEquals(OLD, made.spec().publicKey());
    assertNull(made.spec().espKeyId());
    assertEquals(List.of("192.0.2.1:51820", "[2001:db8::1]:51820"), made.spec().endpoints());
    assertEquals("uid-1", made.metadata().ownerReferences().getFirst().uid());
    assertTrue(api.written().getFirst().contains("\"managedFields\":[{}]"), "half of the object");
    assertEquals(Phase.PENDING, publisher.publication().phase());
  }

  @Test
  void nothingIsClaimedFromAnotherClusterThanTheOneThatIsFollowed() {
    api.node("uid-1", "192.0.2.1");
    followed = "cluster-1";
    api.cluster("cluster-2");
    publisher.step();
    assertEquals(List.of(), api.written());
    String error = String.valueOf(publisher.publication().error());
    assertTrue(error.contains("its uid is cluster-2, and cluster-1 is followed"), error);
    api.cluster("cluster-1");
    publisher.step();
    assertEquals(1, api.written().size());
    assertNull(publisher.publication().error());
  }

  @Test
  void aNodeWithoutAddressesYetIsReachedAtThoseOfItsMachine() {
    api.node("uid-1");
    publisher.step();
    assertEquals(List.of("192.0.2.77:51820"), api.claim().spec().endpoints());
  }

  @Test
  void nothingIsClaimedFromAServerThatIsTooOldAndTheAcceptedClaimIsNotForgotten() {
    api.node("uid-1", "192.0.2.1");
    publisher.step();
    accept();
    publisher.step();
    api.minor("29");
    claim = wireGuard(NEW);
    publisher.step();
    assertEquals(1, api.written().size());
    assertEquals(Phase.ACCEPTED, publisher.publication().phase());
    assertTrue(String.valueOf(publisher.publication().error()).contains("older than 1.31"));
    api.minor("31");
    publisher.step();
    assertNull(publisher.publication().error());
    assertEquals(2, api.written().size());
  }

  @Test
  void nothingIsWrittenAtRest() {
    api.node("uid-1", "192.0.2.1");
    publisher.step();
    accept();
    for (int i = 0; i < 5; i++) {
      assertEquals(Publisher.AT_REST, publisher.step());
    }
    assertEquals(1, api.written().size());
    assertEquals(Phase.ACCEPTED, publisher.publication().phase());
  }

  @Test
  void untilItIsAcceptedTheClaimIsLookedAtMoreAndMoreRarely() {
    api.node("uid-1", "192.0.2.1");
    Duration first = publisher.step();
    Duration last = first;
    for (int i = 0; i < 10; i++) {
      last = publisher.step();
    }
    assertEquals(Publisher.FIRST_WAIT, first);
    assertEquals(Publisher.LONGEST_WAIT, last);
    assertEquals(1, api.written().size(), "looking is not writing");
  }

  @Test
  void aDeletedClaimIsPublishedAgain() {
    api.node("uid-1", "192.0.2.1");
    publisher.step();
    api.delete();
    publisher.step();
    assertEquals(OLD, api.claim().spec().publicKey());
  }

  /** The old object is immutable in its uid, and not ours to delete. */
  @Test
  void theClaimOfAnEarlierNodeOfThisNameIsLeftToTheGarbageCollector() {
    api.node("uid-1", "192.0.2.1");
    publisher.step();
    api.node("uid-2", "192.0.2.1");
    publisher.step();
    assertEquals(1, api.written().size());
    assertNotNull(publisher.publication().error());
    api.delete();
    publisher.step();
    assertEquals("uid-2", api.claim().spec().nodeUID());
    assertNull(publisher.publication().error());
  }

  @Test
  void aNewKeyIsPublishedWithTheProofOfTheOldOnesOwner() {
    api.node("uid-1", "192.0.2.1");
    publisher.step();
    accept();
    publisher.step();
    assertFalse(publisher.isOutdated());
    claim = wireGuard(NEW);
    proof = new CulvertNode.Proof("mac", "AAAA");
    assertTrue(publisher.isOutdated());
    publisher.step();
    assertEquals(NEW, api.claim().spec().publicKey());
    assertEquals(proof, api.claim().spec().proof());
    assertEquals(Phase.PENDING, publisher.publication().phase(), "the old key is the accepted one");
    accept();
    publisher.step();
    publisher.step();
    assertEquals(2, api.written().size(), "an accepted proof stays where it is");
  }

  @Test
  void theProofOfAnEarlierChangeIsTakenAwayIfTheKeyIsLost() {
    api.node("uid-1", "192.0.2.1");
    publisher.step();
    accept();
    claim = wireGuard(NEW);
    proof = new CulvertNode.Proof("mac", "AAAA");
    publisher.step();
    accept();
    claim = wireGuard(LOST);
    proof = null;
    publisher.step();
    assertEquals(LOST, api.claim().spec().publicKey());
    assertNull(api.claim().spec().proof());
  }

  @Test
  void aKeyThatTheRegistrarRefusesIsSaidWithItsReason() {
    api.node("uid-1", "192.0.2.1");
    claim = wireGuard(NEW);
    publisher.step();
    api.status(Phase.ACCEPTED, OLD, List.of(OneNodeApi.refusal("KeyChanged", "the key stays")));
    publisher.step();
    assertEquals(List.of("KeyChanged: the key stays"), publisher.publication().reasons());
    assertEquals(Phase.PENDING, publisher.publication().phase());
  }

  @Test
  void aChangeOfEngineTakesWhatTheOldOneHadAway() {
    api.node("uid-1", "192.0.2.1");
    publisher.step();
    claim = new OwnClaim("esp", null, 3, 4500, List.of());
    publisher.step();
    assertEquals("esp", api.claim().spec().engine());
    assertNull(api.claim().spec().publicKey());
    assertEquals(3, api.claim().spec().espKeyId());
    assertEquals(List.of("192.0.2.1:4500"), api.claim().spec().endpoints());
  }

  @Test
  void anApiThatIsAwayIsAskedAgainAndItsOwnWaitIsKept() {
    api.fails(new KubeException(KubeException.NO_ANSWER, "refused", null, null));
    assertEquals(Publisher.FIRST_WAIT, publisher.step());
    assertEquals("refused", publisher.publication().error());
    api.fails(new KubeException(429, "slow down", Duration.ofSeconds(70), null));
    assertEquals(Duration.ofSeconds(70), publisher.step());
    api.fails(null);
    api.node("uid-1", "192.0.2.1");
    publisher.step();
    assertNull(publisher.publication().error());
  }
}
