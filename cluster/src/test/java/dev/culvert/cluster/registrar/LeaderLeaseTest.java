// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cluster.resource.Lease;
import dev.culvert.cluster.resource.ResourceKind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Which replica leads, in a time that passes only when a test says so. */
class LeaderLeaseTest {
  private final FakeKube kube = new FakeKube();
  private long nanos;

  /** A replica whose monotonic clock has a zero of its own. */
  private final class Replica {
    final FakeKube.Client client;
    final LeaderLease lease;
    final LeaseKeeper keeper;
    final long zero;

    Replica(String name, long zero) {
      this.zero = zero;
      client = kube.new Client(name);
      lease = new LeaderLease("r", name, Map.of(RegistrarKey.ANNOTATION, "key of " + name));
      keeper = new LeaseKeeper(client, "culvert", "r", lease, () -> {}, this::nanoTime);
    }

    long nanoTime() {
      return nanos + zero;
    }

    boolean leads() {
      return lease.holds(nanoTime());
    }
  }

  private final Replica one = new Replica("one", 0);
  private final Replica two = new Replica("two", Duration.ofDays(400).toNanos());

  /** Nothing would be accepted there, and another replica may ask a server that is not. */
  @Test
  void noReplicaBeginsToLeadOnAServerThatIsTooOld() {
    kube.tooOld = true;
    assertEquals(0, pass(30));
    kube.tooOld = false;
    assertTrue(pass(30) > 0);
    assertTrue(one.leads() || two.leads());
  }

  /** Lets both replicas try every two seconds, and checks each tenth of a second. */
  private int pass(int seconds) {
    int ledBySomebody = 0;
    for (int tenth = 0; tenth < seconds * 10; tenth++) {
      if (tenth % 20 == 0) {
        one.keeper.attempt();
      }
      if (tenth % 20 == 7) {
        two.keeper.attempt();
      }
      assertFalse(one.leads() && two.leads(), "two leaders");
      ledBySomebody += one.leads() || two.leads() ? 1 : 0;
      nanos += Duration.ofMillis(100).toNanos();
    }
    return ledBySomebody;
  }

  private Lease stored() {
    return kube.all(ResourceKind.leases("culvert")).getFirst();
  }

  @Test
  void theFirstLeadsAndGoesOnLeading() {
    pass(120);
    assertTrue(one.leads());
    assertFalse(two.leads());
    assertEquals("one", Objects.requireNonNull(stored().spec()).holderIdentity());
    assertEquals(0, Objects.requireNonNull(stored().spec()).leaseTransitions());
    assertEquals("key of one", stored().metadata().annotations().get(RegistrarKey.ANNOTATION));
  }

  @Test
  void aLeaderThatIsCutOffStopsAndAnotherTakesOverLater() {
    pass(10);
    one.client.cut();
    pass(12);
    assertFalse(one.leads(), "ten seconds after its last renewal");
    assertFalse(two.leads(), "not before fifteen");
    pass(8);
    assertTrue(two.leads());
    assertEquals("key of two", stored().metadata().annotations().get(RegistrarKey.ANNOTATION));
    one.client.heal();
    pass(60);
    assertTrue(two.leads());
    assertFalse(one.leads());
  }

  @Test
  void aRenewalWhoseAnswerIsLostDoesNotCountForTheLeader() {
    pass(10);
    one.client.leaseWrites = FakeKube.Fault.ANSWER_LOST;
    pass(60);
    assertFalse(one.leads());
    assertFalse(two.leads(), "the Lease still changes");
    one.client.leaseWrites = FakeKube.Fault.NONE;
    pass(4);
    assertTrue(one.leads());
  }

  @Test
  void aReleasedLeaseIsTakenAtOnce() {
    pass(10);
    one.keeper.release();
    assertFalse(one.leads());
    two.keeper.attempt();
    assertTrue(two.leads());
    assertEquals(1, Objects.requireNonNull(stored().spec()).leaseTransitions());
  }

  @Test
  void onlyTheHolderReleases() {
    pass(10);
    String before = stored().metadata().resourceVersion();
    two.keeper.release();
    assertEquals(before, stored().metadata().resourceVersion());
    one.keeper.attempt();
    assertNotEquals(before, stored().metadata().resourceVersion());
  }

  /** The clock of a machine, by which the Lease is dated, is for people only. */
  @Test
  void theTimesInTheLeaseDoNotMatter() {
    pass(10);
    Lease.Spec spec = Objects.requireNonNull(stored().spec());
    kube.put(
        ResourceKind.leases("culvert"),
        new Lease(
            stored().metadata(),
            new Lease.Spec(
                "one",
                15,
                "1970-01-01T00:00:00.000000Z",
                "1970-01-01T00:00:00.000000Z",
                spec.leaseTransitions())));
    two.keeper.attempt();
    assertFalse(two.leads(), "it has just changed, however old it says it is");
    assertTrue(one.leads());
  }

  @Test
  void neverTwoLeadInAnyOrderOfCuts() {
    Random random = new Random(7);
    List<Replica> both = List.of(one, two);
    List<Integer> led = new ArrayList<>();
    for (int round = 0; round < 60; round++) {
      for (Replica replica : both) {
        if (random.nextInt(3) == 0) {
          replica.client.cut();
        } else {
          replica.client.heal();
        }
        if (random.nextInt(5) == 0) {
          replica.client.leaseWrites = FakeKube.Fault.ANSWER_LOST;
        }
      }
      led.add(pass(1 + random.nextInt(20)));
    }
    assertTrue(led.stream().mapToInt(n -> n).sum() > 1500, "a replica leads most of the time");
  }
}
