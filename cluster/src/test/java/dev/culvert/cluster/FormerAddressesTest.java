// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.cluster.ClusterSnapshot.Member;
import dev.culvert.cluster.fake.Samples;
import dev.culvert.routing.IpAddress;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** For how long an address that a node had is remembered. */
class FormerAddressesTest {
  private static final Instant NOW = Instant.parse("2026-11-29T03:04:05Z");
  private static final IpAddress SECOND = IpAddress.parse("192.168.0.2");

  /** The nodes of these numbers; node 1 has the address {@link #SECOND}. */
  private static List<Member> members(int... numbers) {
    return Snapshots.of(
            IntStream.of(numbers).mapToObj(Samples::node).toList(), List.of(), List.of())
        .members();
  }

  @Test
  void anAddressIsRememberedFromTheLossOfItsNodeUntilANodeHasItAgain() {
    FormerAddresses former = new FormerAddresses(null, List.of());
    former.follow(members(0, 1, 2), NOW);
    assertEquals(Set.of(), former.addresses());
    former.follow(members(0, 2), NOW);
    assertEquals(Set.of(SECOND), former.addresses());
    former.follow(members(0, 2), NOW.plusSeconds(60));
    assertEquals(Set.of(SECOND), former.addresses());
    former.follow(members(0, 1, 2), NOW.plusSeconds(120));
    assertEquals(Set.of(), former.addresses());
  }

  @Test
  void anAddressIsForgottenAfterItsTime() {
    FormerAddresses former = new FormerAddresses(null, members(0, 1));
    former.follow(members(0), NOW);
    former.follow(members(0), NOW.plus(FormerAddresses.KEPT).minusSeconds(1));
    assertEquals(Set.of(SECOND), former.addresses());
    former.follow(members(0), NOW.plus(FormerAddresses.KEPT));
    assertEquals(Set.of(), former.addresses());
  }

  @Test
  void aRestartChangesNothingAndNoticesWhatWentMeanwhile() {
    FormerAddresses former = new FormerAddresses(null, members(0, 1, 2));
    former.follow(members(0, 2), NOW);
    assertEquals(Map.of("192.168.0.2", NOW), former.kept());
    FormerAddresses restarted = new FormerAddresses(former.kept(), members(0, 2));
    assertEquals(Set.of(SECOND), restarted.addresses());
    restarted.follow(members(0), NOW.plusSeconds(1));
    assertEquals(Set.of(SECOND, IpAddress.parse("192.168.0.3")), restarted.addresses());
    restarted.follow(members(0), NOW.plus(FormerAddresses.KEPT));
    assertEquals(Set.of(IpAddress.parse("192.168.0.3")), restarted.addresses());
  }
}
