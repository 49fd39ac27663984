// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.culvert.cluster.ClusterFeed;
import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.cluster.ClusterSnapshot.Member;
import dev.culvert.daemon.admin.AdminMessage.Command;
import dev.culvert.daemon.admin.ControlPlaneView;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.testing.Eventually;
import dev.culvert.daemon.testing.FakeCluster;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import dev.culvert.daemon.testing.FakeWireGuard;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/**
 * A gateway in a cluster serves from disk before the API answers, publishes its claim, follows each
 * snapshot in one swap, and takes the keys of a node that is gone before anything else.
 */
final class ApiDiscoveryTest {
  private final FakeNetwork network = new FakeNetwork();
  private final FakeTunnels tunnels = new FakeTunnels(options -> network.note("open"));
  private final FakeCluster cluster = new FakeCluster();

  @TempDir private Path directory;
  private Path file;
  private Machine machine;

  @BeforeEach
  void prepare() throws IOException {
    file = directory.resolve("gw.yaml");
    machine = FakeMachine.in(directory, tunnels, network, host -> List.of(), cluster);
    write("192.0.2.1, 192.0.2.9");
  }

  private void write(String controlPlane) throws IOException {
    Files.writeString(
        file,
        """
        apiVersion: culvert.dev/v1alpha1
        kind: Gateway
        spec:
          interface: {name: cv0}
          identity: {privateKeyFile: private.key}
          clusterCIDRs: [10.66.0.0/16]
          discovery: {kubernetes: {nodeName: a, controlPlane: [%s]}}
        """
            .formatted(controlPlane));
  }

  private static Member member(String name, int number) {
    byte[] key = new byte[32];
    key[0] = (byte) number;
    return new Member(
        name,
        Set.of(),
        Map.of(),
        List.of(IpAddress.parse("192.0.2." + number)),
        List.of(Prefix.parse("10.66." + number + ".0/24")),
        Base64.getEncoder().encodeToString(key),
        0,
        null);
  }

  private static ClusterSnapshot snapshot(Member... members) {
    return new ClusterSnapshot(List.of(members), Set.of(), List.of(), null, List.of());
  }

  private FakeWireGuard device() {
    return tunnels.devices().getFirst();
  }

  private Set<String> ranges() {
    try (DeviceSnapshot now = device().snapshot()) {
      return Set.copyOf(
          now.peers().stream()
              .flatMap(p -> p.allowedIps().stream())
              .map(Prefix::toString)
              .toList());
    }
  }

  private GatewayView view() {
    try {
      return Objects.requireNonNull(machine.adminClient().call("cv0", Command.STATUS).gateway());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private ControlPlaneView controlPlane() {
    return Objects.requireNonNull(view().controlPlane());
  }

  private void tell(ClusterSnapshot snapshot) {
    assertTrue(Eventually.holds(cluster::isFollowed));
    cluster.tell(snapshot);
  }

  @Test
  void theClusterOnDiskIsServedBeforeTheApiCanBeAsked() throws Exception {
    cluster.remembers(snapshot(member("a", 1), member("b", 2)));
    cluster.locked(true);
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals(Set.of("10.66.2.0/24", "192.0.2.2/32"), ranges());
      assertTrue(network.calls().getFirst().startsWith("keep"), "the guard is first");
      assertTrue(Eventually.holds(() -> "no token".equals(controlPlane().error())));
      assertEquals(1, controlPlane().troubles().size());
      assertNull(controlPlane().ageSeconds());
      assertEquals(2, controlPlane().nodes());
      cluster.locked(false);
      assertTrue(Eventually.holds(cluster::isFollowed), "it is tried again");
      assertTrue(daemon.failure().isEmpty());
    }
  }

  @Test
  void thisNodesClaimHasItsKeyAndItsPort() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertTrue(Eventually.holds(() -> cluster.created().size() == 1));
      String claim = cluster.created().getFirst();
      assertTrue(claim.contains("\"publicKey\":\"" + view().publicKey() + "\""), claim);
      assertTrue(claim.contains("\"endpoints\":[\"192.0.2.1:51820\"]"), claim);
      assertEquals("Pending", controlPlane().phase());
      assertTrue(daemon.failure().isEmpty());
    }
  }

  /** Neither a restart of the API server nor one of the gateway may end a mesh that works. */
  @Test
  void aServerThatIsTooOldGetsNoClaimAndTheClusterOnDiskIsServed() throws Exception {
    cluster.remembers(snapshot(member("a", 1), member("b", 2)));
    cluster.version("29");
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertTrue(Eventually.holds(() -> controlPlane().publishError() != null));
      String trouble = controlPlane().troubles().getFirst();
      assertTrue(trouble.contains("v1.29, older than 1.31: its tokens do not"), trouble);
      assertEquals(Set.of("10.66.2.0/24", "192.0.2.2/32"), ranges());
      assertEquals(List.of(), cluster.created());
      assertTrue(network.calls().getFirst().startsWith("keep"), "the guard stands");
      assertTrue(daemon.failure().isEmpty());
      cluster.version("31");
      assertTrue(Eventually.holds(() -> cluster.created().size() == 1), "it is tried again");
    }
  }

  @Test
  void aSnapshotIsFollowedAndAReloadKeepsIt() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals(Set.of(), ranges());
      cluster.state(new ClusterFeed.State(true, Instant.now(), 0, null, null));
      tell(snapshot(member("a", 1), member("b", 2), member("c", 3)));
      Set<String> both = Set.of("10.66.2.0/24", "192.0.2.2/32", "10.66.3.0/24", "192.0.2.3/32");
      assertTrue(Eventually.holds(() -> ranges().equals(both)));
      daemon.reload();
      assertEquals(both, ranges());
      assertTrue(controlPlane().synced());
      assertNotNull(controlPlane().ageSeconds());
      assertEquals(
          List.of("of this node: no registrar has seen it yet"), controlPlane().troubles());
      assertEquals(3, controlPlane().nodes());
    }
  }

  /** A new node's handshakes were refused until now, and it repeats them after seconds only. */
  @Test
  void newNodesAreGreetedAtTheStartAndWithEachSnapshot() throws Exception {
    try (GatewayDaemon _ = GatewayDaemon.start(file, machine)) {
      assertEquals(1, device().tunnel().greetings());
      tell(snapshot(member("a", 1), member("b", 2)));
      assertTrue(Eventually.holds(() -> device().tunnel().greetings() == 2));
      assertEquals(Set.of("10.66.2.0/24", "192.0.2.2/32"), ranges());
    }
  }

  /**
   * Its range may be another node's from now on: no rule, and no failure of one, may delay that.
   */
  @Test
  void aNodeThatIsGoneLosesItsKeysEvenIfTheRulesCannotFollow() throws Exception {
    cluster.remembers(snapshot(member("a", 1), member("b", 2), member("c", 3)));
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      network.failing(true);
      tell(snapshot(member("a", 1), member("c", 3)));
      Set<String> left = Set.of("10.66.3.0/24", "192.0.2.3/32");
      assertTrue(Eventually.holds(() -> ranges().equals(left)));
      assertTrue(Eventually.holds(() -> controlPlane().swapError() != null));
      tell(snapshot(member("a", 1), member("b", 2), member("c", 3)));
      network.failing(false);
      assertTrue(Eventually.holds(() -> controlPlane().swapError() == null), "it is tried again");
      assertEquals(3, controlPlane().nodes());
      assertTrue(Eventually.holds(() -> ranges().size() == 4), "and it comes back");
      assertTrue(daemon.failure().isEmpty());
    }
  }

  private static long errors(ListAppender<ILoggingEvent> lines) {
    return List.copyOf(lines.list).stream().filter(e -> e.getLevel() == Level.ERROR).count();
  }

  @Test
  void aFailureThatStaysIsLoggedOnceAndNotAtEachAttempt() throws Exception {
    ListAppender<ILoggingEvent> attempts = new ListAppender<>();
    ListAppender<ILoggingEvent> failures = new ListAppender<>();
    Logger ofChanges = (Logger) LoggerFactory.getLogger(ConfigChanges.class);
    Logger ofDiscovery = (Logger) LoggerFactory.getLogger(ApiDiscovery.class);
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      attempts.start();
      failures.start();
      ofChanges.addAppender(attempts);
      ofDiscovery.addAppender(failures);
      network.failing(true);
      tell(snapshot(member("a", 1), member("c", 3)));
      assertTrue(Eventually.holds(() -> errors(attempts) == 1));
      int asked = network.factsAsked();
      assertTrue(Eventually.holds(() -> network.factsAsked() > asked + 2), "it is tried again");
      assertEquals(1, errors(failures));
      assertEquals(1, errors(attempts), "and so is the failure to steer back");
      assertNull(attempts.list.getFirst().getThrowableProxy(), "in one line");
      assertTrue(daemon.failure().isEmpty());
    } finally {
      ofChanges.detachAppender(attempts);
      ofDiscovery.detachAppender(failures);
    }
  }

  @Test
  void aReloadDoesNotBringBackANodeThatIsGone() throws Exception {
    cluster.remembers(snapshot(member("a", 1), member("b", 2), member("c", 3)));
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      network.failing(true);
      tell(snapshot(member("a", 1), member("c", 3)));
      assertTrue(Eventually.holds(() -> controlPlane().swapError() != null));
      network.failing(false);
      daemon.reload();
      assertEquals(Set.of("10.66.3.0/24", "192.0.2.3/32"), ranges());
      assertEquals(2, controlPlane().nodes());
    }
  }

  /** A snapshot that cannot be configured here must not let another node keep its keys. */
  @Test
  void aNodeThatIsGoneLosesItsKeysEvenIfTheOthersCannotBeConfigured() throws Exception {
    cluster.remembers(snapshot(member("a", 1), member("b", 2), member("c", 3)));
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      // No server tells this: one name twice.
      tell(snapshot(member("a", 1), member("c", 3), member("c", 3)));
      Set<String> left = Set.of("10.66.3.0/24", "192.0.2.3/32");
      assertTrue(Eventually.holds(() -> ranges().equals(left)), () -> ranges().toString());
      assertTrue(
          Eventually.holds(
              () -> String.valueOf(controlPlane().swapError()).contains("the same name")),
          () -> "" + controlPlane().swapError());
      tell(snapshot(member("a", 1), member("b", 2), member("c", 3)));
      assertTrue(Eventually.holds(() -> ranges().size() == 4), "and it comes back");
      assertTrue(daemon.failure().isEmpty());
    }
  }

  /** The kernel takes IPv6 off a device with such an MTU. */
  @Test
  void aNodeWhoseIpv6DoesNotFitTheTunnelHindersNoOther() throws Exception {
    Files.writeString(
        file, Files.readString(file).replace("{name: cv0}", "{name: cv0, mtu: 1200}"));
    cluster.remembers(snapshot(member("a", 1), member("b", 2), member("c", 3)));
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      Member other = member("d", 4);
      Member v6 =
          new Member(
              other.name(),
              other.roles(),
              other.labels(),
              List.of(IpAddress.parse("2001:db8::4")),
              List.of(),
              other.publicKey(),
              other.espKeyId(),
              other.endpoint());
      tell(snapshot(member("a", 1), member("c", 3), v6));
      Set<String> left = Set.of("10.66.3.0/24", "192.0.2.3/32", "2001:db8::4/128");
      assertTrue(Eventually.holds(() -> ranges().equals(left)), () -> ranges().toString());
      assertNull(controlPlane().swapError());
      tell(snapshot(member("a", 1), member("b", 2), v6));
      assertTrue(
          Eventually.holds(() -> ranges().contains("10.66.2.0/24") && ranges().size() == 3),
          "the others change");
      assertTrue(daemon.failure().isEmpty());
    }
  }

  @Test
  void theNewestSnapshotWinsOverThoseThatWereNotAppliedYet() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      for (int i = 2; i < 60; i++) {
        tell(snapshot(member("a", 1), member("b", i)));
      }
      assertTrue(Eventually.holds(() -> ranges().equals(Set.of("10.66.59.0/24", "192.0.2.59/32"))));
      assertTrue(daemon.failure().isEmpty());
    }
  }

  @Test
  void theAgeOfTheStateIsShownForPeopleAndForMetrics() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertTrue(Eventually.holds(cluster::isFollowed));
      Instant threeDaysAgo = Instant.now().minus(Duration.ofDays(3));
      cluster.state(new ClusterFeed.State(false, threeDaysAgo, 9, "it is away", null));
      ControlPlaneView view = controlPlane();
      assertEquals(threeDaysAgo.getEpochSecond(), view.lastSyncTimestampSeconds());
      long age = Objects.requireNonNull(view.ageSeconds());
      assertTrue(age >= 72 * 3600 && age < 73 * 3600, "seconds: " + age);
      assertTrue(daemon.failure().isEmpty());
    }
  }

  @Test
  void anAdministratorAnswersForTheListsThatAreHeldBack() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertTrue(Eventually.holds(cluster::isFollowed));
      cluster.state(new ClusterFeed.State(true, Instant.now(), 0, null, "b is missing"));
      assertEquals("b is missing", controlPlane().held());
      machine.adminClient().call("cv0", Command.ACCEPT_HELD);
      assertTrue(cluster.isHeldAccepted());
      assertTrue(daemon.failure().isEmpty());
    }
  }

  @Test
  void theEndOfAGatewayWaitsForTheStateToBeKept() throws Exception {
    GatewayDaemon daemon = GatewayDaemon.start(file, machine);
    assertTrue(Eventually.holds(cluster::isFollowed));
    daemon.close();
    assertFalse(cluster.isFollowed(), "the feed keeps its state when it is closed");
  }

  @Test
  void theNodesOnDiskAreGuardedAtBoot() throws Exception {
    cluster.remembers(snapshot(member("a", 1), member("b", 2)));
    BootGuard guard = BootGuard.load(file, machine);
    assertTrue(guard.ranges().contains("192.0.2.2/32"), guard::toString);
    assertEquals(List.of(), guard.missed());
  }

  @Test
  void withoutNodesOnDiskTheClustersRangesAreGuardedAtBootAndAFullerGuardStays() throws Exception {
    BootGuard guard = BootGuard.load(file, machine);
    assertTrue(guard.ranges().contains("10.66.0.0/16"), guard::toString);
    assertEquals(List.of("no nodes of the Kubernetes API are remembered"), guard.missed());
    assertFalse(guard.kept());
    assertTrue(BootGuard.load(file, machine).kept(), "it may know more");
  }

  @Test
  void theControlPlanesAddressesChangeOnlyWithANewStart() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      write("192.0.2.1");
      ConfigException refusal = assertThrows(ConfigException.class, daemon::reload);
      assertTrue(
          Stream.of(String.valueOf(refusal.getMessage()))
              .allMatch(m -> m.contains("a restart of the gateway")),
          refusal::getMessage);
    }
  }
}
