// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.admin.AdminMessage.Command;
import dev.culvert.daemon.admin.AdminMessage.Response;
import dev.culvert.daemon.admin.AuditView;
import dev.culvert.daemon.admin.NameView;
import dev.culvert.daemon.admin.PeerView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.steer.BlindSpotWatch;
import dev.culvert.daemon.steer.Planner;
import dev.culvert.daemon.testing.Eventually;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import dev.culvert.daemon.testing.FakeWireGuard;
import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.daemon.testing.LogLines;
import dev.culvert.routing.BlindSpot;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.plan.Guard;
import dev.culvert.tunnel.port.Offload;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnknownHostException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The daemon sets up the guard before the device, changes nothing if a configuration is refused,
 * and leaves the guard in place if a start fails or the device dies.
 */
final class GatewayDaemonTest {
  private static final String A = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
  private static final String B = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";

  private final FakeNetwork network = new FakeNetwork();
  private final FakeTunnels tunnels =
      new FakeTunnels(
          options -> {
            network.note("open " + options.interfaceName());
            openedWith = options.mtu();
          });

  private final Map<String, List<IpAddress>> hosts = new ConcurrentHashMap<>();
  private volatile CountDownLatch nameServer = new CountDownLatch(0);
  private final AtomicInteger brokenLookUps = new AtomicInteger();
  private int openedWith;

  @TempDir private Path directory;
  private Path file;
  private Machine machine;

  @BeforeEach
  void prepare() throws IOException {
    file = directory.resolve("gw.yaml");
    machine = FakeMachine.in(directory, tunnels, network, this::lookUp);
    write("mtu: 1400, addresses: [10.66.0.1/24]", peer("a", A, "10.66.2.0/24"));
  }

  private List<IpAddress> lookUp(String host) throws UnknownHostException {
    try {
      nameServer.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (brokenLookUps.getAndDecrement() > 0) {
      throw new LinkageError("a broken resolver");
    }
    List<IpAddress> addresses = hosts.get(host);
    if (addresses == null) {
      throw new UnknownHostException("no such name");
    }
    return addresses;
  }

  private static String named(String name, String key, String range) {
    return peer(name, key, range, "endpoint: '" + name + ".example:51820'");
  }

  private String endpoint(String key) {
    try (DeviceSnapshot now = device().snapshot()) {
      return now.peers().stream()
          .filter(peer -> peer.publicKey().toString().equals(key))
          .map(peer -> String.valueOf(peer.endpoint()))
          .findFirst()
          .orElse("no peer");
    }
  }

  private NameView name() throws IOException {
    return Objects.requireNonNull(machine.adminClient().call("cv0", Command.STATUS).gateway())
        .names()
        .getFirst();
  }

  private boolean nameFailed(String error) {
    try {
      return error.equals(name().error());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void aPeerWhoseNameDoesNotResolveIsAskedForAgainAndTheGatewayIsUp() throws Exception {
    write("mtu: 1400", peer("a", A, "10.66.2.0/24"), named("b", B, "10.66.3.0/24"));
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals("keep [10.66.2.0/24, 10.66.3.0/24, 10.66.0.0/16]", network.calls().getFirst());
      assertEquals("no such name", name().error());
      assertEquals("null", endpoint(B));
      hosts.put("b.example", List.of(IpAddress.parse("192.0.2.3")));
      assertTrue(Eventually.holds(() -> endpoint(B).equals("192.0.2.3:51820")));
      daemon.reload();
      assertNull(name().error());
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void theMachineIsAskedForItsFactsOnceBeforeItIsGuarded() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals(2, network.factsAsked(), "and once when the device has its port");
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void whatLeadsToAPeerIsGuardedOnceItsNameResolvesAndBeforeThePeerIsThere() throws Exception {
    IpAddress at = IpAddress.parse("192.0.2.3");
    network.leadsOnlyTo(at);
    network.mtu(1400);
    write("addresses: [10.66.0.1/24]", named("b", B, "10.66.3.0/24"));
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals(List.of(), network.plan().guard().underlay(), "nobody knows yet");
      assertEquals(1420, network.plan().links().getFirst().mtu(), "a guess");
      network.failing(true);
      hosts.put("b.example", List.of(at));
      assertTrue(Eventually.holds(() -> nameFailed("no guard today")));
      assertEquals("null", endpoint(B), "it does not go to an address without a guard");
      network.failing(false);
      assertTrue(Eventually.holds(() -> endpoint(B).equals("192.0.2.3:51820")));
      assertEquals(List.of("wire0"), network.plan().guard().underlay());
      assertEquals(1320, network.plan().links().getFirst().mtu());
      hosts.remove("b.example");
      daemon.reload();
      assertEquals(List.of("wire0"), network.plan().guard().underlay(), "still guarded");
      assertEquals(1320, network.plan().links().getFirst().mtu());
    }
  }

  @Test
  void aNameWhoseLookUpEndedWithAnErrorIsAskedForAgain() throws Exception {
    hosts.put("b.example", List.of(IpAddress.parse("192.0.2.3")));
    brokenLookUps.set(1);
    write("mtu: 1400", named("b", B, "10.66.3.0/24"));
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertTrue(Eventually.holds(() -> endpoint(B).equals("192.0.2.3:51820")));
      brokenLookUps.set(1);
      daemon.reload();
      assertEquals("java.lang.LinkageError: a broken resolver", name().error());
    }
  }

  @Test
  void namesAreTakenInTheirOrderAndAReloadMovesOnlyWhomItsNameMoved() throws Exception {
    IpAddress v6 = IpAddress.parse("2001:db8::3");
    IpAddress v4 = IpAddress.parse("192.0.2.3");
    hosts.put("b.example", List.of(v6, v4));
    write("mtu: 1400", named("b", B, "10.66.3.0/24"));
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals("[2001:db8::3]:51820", endpoint(B));
      hosts.put("b.example", List.of(v4, v6));
      daemon.reload();
      assertEquals("[2001:db8::3]:51820", endpoint(B), "it works at its first address");
      device().unanswered(2);
      daemon.reload();
      assertEquals("192.0.2.3:51820", endpoint(B), "it does not");
      device().unanswered(0);
      hosts.put("b.example", List.of(IpAddress.parse("192.0.2.4")));
      daemon.reload();
      assertEquals("192.0.2.4:51820", endpoint(B));
      hosts.remove("b.example");
      daemon.reload();
      assertEquals("192.0.2.4:51820", endpoint(B), "it stays while its name is not known");
      assertEquals("no such name", name().error());
    }
  }

  @Test
  void whileANameServerIsSilentNothingElseWaits() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      nameServer = new CountDownLatch(1);
      hosts.put("b.example", List.of(IpAddress.parse("192.0.2.3")));
      write("mtu: 1400", peer("a", A, "10.66.2.0/24"), named("b", B, "10.66.3.0/24"));
      Thread reload = Thread.ofVirtual().start(daemon::reloadLogged);
      assertTrue(Eventually.holds(() -> endpoint(B).equals("null")));
      assertEquals(List.of(), name().answer());
      assertTrue(reload.isAlive(), "status was answered while the reload waits");
      nameServer.countDown();
      reload.join();
      assertEquals("192.0.2.3:51820", endpoint(B));
    }
  }

  private static String peer(String name, String key, String range, String... more) {
    String[] settings = Arrays.copyOf(more, more.length + 2);
    settings[more.length] = "publicKey: " + key;
    settings[more.length + 1] = "allowedIps: [" + range + "]";
    return GatewayYaml.entry(name, settings);
  }

  private void write(String link, String... peers) throws IOException {
    GatewayYaml.of("cv0", link)
        .with("identity: {privateKeyFile: key}", "clusterCIDRs: [10.66.0.0/16]")
        .peers(peers)
        .write(file);
  }

  private FakeWireGuard device() {
    return tunnels.devices().getLast();
  }

  @Test
  void aFormerKeyIsToldInTheLogAtStartAndReload() throws Exception {
    Files.writeString(
        file,
        Files.readString(file).replace("clusterCIDRs: [10.66.0.0/16]", "cluster: {cidrs: []}"));
    String warning = "WARN " + file + ":6: spec.cluster.cidrs: this key is now";
    try (LogLines log = LogLines.of(GatewayDaemon.class, ConfigChanges.class);
        GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals(2, log.text().split(Pattern.quote(warning), -1).length, log::text);
      daemon.reload();
      assertEquals(3, log.text().split(Pattern.quote(warning), -1).length, log::text);
    }
  }

  @Test
  void aDeviceOfWhichAPartDiedEndsTheDaemonAndTheGuardStays() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertTrue(daemon.failure().isEmpty());
      device().tunnel().fail("a lane has ended");
      daemon.awaitClosed();
      assertEquals("a lane has ended", daemon.failure().orElseThrow());
    }
    assertFalse(network.calls().contains("remove"));
  }

  @Test
  void aThreadThatDiesEndsTheDaemon() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      daemon.giveUp("cv0-discovery has ended");
      daemon.awaitClosed();
      assertEquals("cv0-discovery has ended", daemon.failure().orElseThrow());
    }
    assertFalse(network.calls().contains("remove"));
  }

  @Test
  void theGuardComesBeforeTheDevice() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertFalse(daemon.wasStopped());
      assertEquals(
          List.of(
              "keep [10.66.2.0/24, 10.66.0.0/16]",
              "open cv0",
              "update [10.66.2.0/24, 10.66.0.0/16]"),
          network.calls());
      assertEquals(1, device().updates().size());
      assertTrue(Files.exists(directory.resolve("key")), "the identity was made");
    }
    assertTrue(device().tunnel().isClosed());
    assertEquals("leave", network.calls().getLast(), "the guard outlives the gateway");
    assertTrue(machine.runState().exists("cv0"), "so that culvert down can lift it");
    assertEquals(file, machine.runState().configuration("cv0").orElseThrow());
  }

  @Test
  void aFileThatIsRefusedTouchesNothing() throws IOException {
    write("mtu: 1", peer("a", A, "10.66.2.0/24"));
    assertThrows(ConfigException.class, () -> GatewayDaemon.start(file, machine));
    assertEquals(List.of(), network.calls());
    assertFalse(machine.runState().exists("cv0"));
  }

  @Test
  void aStartThatFailsLeavesOnlyTheGuard() throws IOException {
    write("listenPort: 1", peer("a", A, "10.66.2.0/24"));
    assertThrows(IOException.class, () -> GatewayDaemon.start(file, machine));
    assertTrue(device().tunnel().isClosed());
    assertEquals(
        List.of("keep [10.66.2.0/24, 10.66.0.0/16]", "open cv0", "leave"), network.calls());
    assertTrue(machine.runState().exists("cv0"), "so that culvert down can lift it");
    assertFalse(Files.exists(directory.resolve("wg/cv0.sock")));
  }

  /** Its successor has the same environment, and would refuse it much later. */
  @Test
  void aSettingOfSuccessorsIsCheckedAtTheStartOnceTheGuardStands() {
    System.setProperty("culvert.rehearsal", "long");
    try {
      IOException refused =
          assertThrows(IOException.class, () -> GatewayDaemon.start(file, machine));
      assertTrue(refused.toString().contains("culvert.rehearsal is 'long'"), refused::toString);
      assertEquals("leave", network.calls().getLast(), "the guard stays");
    } finally {
      System.clearProperty("culvert.rehearsal");
    }
  }

  @Test
  void aSecondGatewayOfTheSameNameIsRefused() throws Exception {
    try (GatewayDaemon first = GatewayDaemon.start(file, machine)) {
      network.clear();
      assertThrows(FileAlreadyExistsException.class, () -> GatewayDaemon.start(file, machine));
      assertEquals(List.of(), network.calls());
      assertFalse(device().tunnel().isClosed());
      assertFalse(first.wasStopped());
    }
  }

  @Test
  void aReloadAppliesThePlanAndTheDifferenceOfTheDevice() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      network.clear();
      write("addresses: [10.66.0.9/24]", peer("b", B, "10.67.0.0/16"));
      daemon.reload();
      assertEquals(List.of("update [10.67.0.0/16, 10.66.0.0/16]"), network.calls());
      assertEquals(
          "[AddressPlan[device=cv0, address=10.66.0.9, length=24]]",
          network.plan().addresses().toString());
      assertEquals(2, device().updates().getLast().peers().size(), "one goes, one comes");
      assertFalse(device().updates().getLast().replacePeers());
    }
  }

  @Test
  void aReloadThatChangesNothingDoesNotTouchTheDevice() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      daemon.reload();
      assertEquals(1, device().updates().size());
    }
  }

  /** Starts a reload to peer b and lenient egress that has changed the device, and hangs there. */
  private Thread hangingReload(GatewayDaemon daemon, CountDownLatch until) throws IOException {
    device().holdAfterChange(until);
    write("mtu: 1400", peer("b", B, "10.66.3.0/24"));
    Files.writeString(file, Files.readString(file) + "  strict: {egress: false}\n");
    Thread reload = Thread.ofVirtual().start(daemon::reloadLogged);
    assertTrue(Eventually.holds(() -> endpoint(B).equals("null")), "the device has changed");
    return reload;
  }

  @Test
  void aStatusDuringAReloadHasTheTunnelAndItsConfigurationOfOneGeneration() throws Exception {
    CountDownLatch goOn = new CountDownLatch(1);
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine);
        ExecutorService asking = Executors.newVirtualThreadPerTaskExecutor()) {
      Thread reload = hangingReload(daemon, goOn);
      Future<Response> status =
          asking.submit(() -> machine.adminClient().call("cv0", Command.STATUS));
      try {
        status.get(100, TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        // An answer may wait for the tunnel, but not mix two configurations.
      } finally {
        goOn.countDown();
      }
      PeerView peer = Objects.requireNonNull(status.get().gateway()).peers().getFirst();
      assertEquals(B, peer.publicKey());
      assertEquals("b", peer.name());
      reload.join();
    }
  }

  @Test
  void anAuditDuringAReloadJudgesByThePolicyOfTheGuardThatCounted() throws Exception {
    CountDownLatch goOn = new CountDownLatch(1);
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      network.count("unknown_out", 5);
      assertEquals(5, unknown().dropped());
      Thread reload = hangingReload(daemon, goOn);
      try {
        assertEquals(5, unknown().clear(), "the guard lets it pass already");
        assertEquals(0, unknown().dropped());
      } finally {
        goOn.countDown();
      }
      reload.join();
      assertEquals(5, unknown().clear());
    }
  }

  private AuditView.Row unknown() throws IOException {
    AuditView audit =
        Objects.requireNonNull(machine.adminClient().call("cv0", Command.AUDIT).audit());
    return audit.rows().stream()
        .filter(row -> row.traffic().equals("unknown"))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void anAuditWithoutAGuardIsNoAuditWithoutPacketsInClear() throws Exception {
    try (GatewayDaemon _ = GatewayDaemon.start(file, machine)) {
      assertEquals(0, unknown().clear());
      network.flushGuard();
      IOException refused =
          assertThrows(IOException.class, () -> machine.adminClient().call("cv0", Command.AUDIT));
      assertTrue(
          String.valueOf(refused.getMessage()).contains("guard of cv0 is missing"),
          refused::toString);
    }
  }

  @Test
  void aReloadThatIsRefusedKeepsTheRunningState() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      network.clear();
      write("mtu: 1", peer("b", B, "10.67.0.0/16"));
      assertThrows(ConfigException.class, daemon::reload);
      daemon.reloadLogged();
      IOException refusal =
          assertThrows(IOException.class, () -> machine.adminClient().call("cv0", Command.RELOAD));
      assertEquals(file + ":4: spec.interface.mtu: 1 is not in 576 to 65535", refusal.getMessage());
      write("lanes: 3", peer("a", A, "10.66.2.0/24"));
      assertThrows(ConfigException.class, daemon::reload);
      write("listenPort: 1", peer("b", B, "10.67.0.0/16"));
      assertThrows(IOException.class, daemon::reload);
      assertEquals(1, device().updates().size());
      assertEquals(
          List.of("update [10.67.0.0/16, 10.66.0.0/16]", "update [10.66.2.0/24, 10.66.0.0/16]"),
          network.calls(),
          "the plan goes back if the device refuses");
    }
  }

  private void writeOffload(String modes) throws IOException {
    GatewayYaml.of("cv0")
        .with(
            "identity: {privateKeyFile: key}",
            "clusterCIDRs: [10.66.0.0/16]",
            "offload: {" + modes + "}")
        .peers(peer("a", A, "10.66.2.0/24"))
        .write(file);
  }

  private Offload.@Nullable State segmentation() {
    return device().tunnel().status().offloads().get(Offload.UDP_SEGMENTATION);
  }

  @Test
  void aReloadSwitchesTheSegmentation() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      writeOffload("udpSegmentation: off");
      daemon.reload();
      assertEquals(Offload.State.CONFIGURED, segmentation());
      writeOffload("udpSegmentation: on");
      assertThrows(IOException.class, daemon::reload, "it is not granted");
      assertEquals(Offload.State.CONFIGURED, segmentation());
      writeOffload("udpSegmentation: auto");
      daemon.reload();
      assertEquals(Offload.State.KERNEL_GSO_BUG, segmentation());
    }
  }

  @Test
  void aSegmentationThatAReloadSwitchedGoesBackIfTheReloadIsRefused() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      GatewayYaml.of("cv0", "listenPort: 1")
          .with(
              "identity: {privateKeyFile: key}",
              "clusterCIDRs: [10.66.0.0/16]",
              "offload: {udpSegmentation: off}")
          .peers(peer("b", B, "10.67.0.0/16"))
          .write(file);
      assertThrows(IOException.class, daemon::reload);
      assertEquals(Offload.State.KERNEL_GSO_BUG, segmentation());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"udpGro", "tunTso", "tunUso"})
  void theOtherOffloadsChangeWithARestart(String offload) throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      writeOffload(offload + ": off");
      ConfigException refusal = assertThrows(ConfigException.class, daemon::reload);
      assertTrue(
          String.valueOf(refusal.getMessage()).contains("only with a restart"), refusal::toString);
    }
  }

  @Test
  void theGuardGoesBackToTheNodesInForceWhenALaneDoesNotAnswerAReload() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      network.clear();
      device().stick();
      write("mtu: 1400", peer("b", B, "10.67.0.0/16"));
      assertThrows(IllegalStateException.class, daemon::reload);
      assertEquals(
          List.of("update [10.67.0.0/16, 10.66.0.0/16]", "update [10.66.2.0/24, 10.66.0.0/16]"),
          network.calls());
    }
  }

  @Test
  void aPlanThatFailedAndMayStandNonethelessIsReplacedWhenTheKernelSaysThatItChanged()
      throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      network.clear();
      network.failing(true);
      write("mtu: 1400", peer("b", B, "10.67.0.0/16"));
      assertThrows(IOException.class, daemon::reload);
      network.failing(false);
      network.mtu(1500);
      assertTrue(
          Eventually.holds(
              () -> network.calls().equals(List.of("update [10.66.2.0/24, 10.66.0.0/16]"))));
    }
  }

  @Test
  void theAdminSocketTellsNoSecrets() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      String status = machine.adminClient().call("cv0", Command.STATUS).toString();
      String secret = Files.readString(directory.resolve("key")).strip();
      assertFalse(status.contains(secret));
      assertTrue(status.contains("name=a"), status);
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void stopEndsTheWait() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      machine.adminClient().call("cv0", Command.STOP);
      daemon.awaitClosed();
      assertTrue(daemon.wasStopped());
    }
    assertFalse(machine.adminClient().isRunning("cv0"));
  }

  @Test
  void aGuardThatIsRefusedEndsTheStartBeforeThereIsADevice() {
    network.failing(true);
    assertThrows(IOException.class, () -> GatewayDaemon.start(file, machine));
    assertEquals(List.of(), tunnels.devices());
    assertFalse(Files.exists(directory.resolve("wg/cv0.sock")));
  }

  @Test
  void nothingIsLedIntoAnInterfaceThatSomebodyElseHas() {
    network.interfaceIsForeign("it is no TUN device");
    IOException refusal = assertThrows(IOException.class, () -> GatewayDaemon.start(file, machine));
    assertTrue(
        refusal.toString().contains("there is an interface cv0 already, and it is no TUN device"),
        refusal::toString);
    assertEquals(List.of(), network.calls());
    assertEquals(List.of(), tunnels.devices());
    assertFalse(machine.runState().exists("cv0"));
  }

  @Test
  void besideCiliumNothingIsTouched() {
    network.blindSpot(BlindSpot.CILIUM, "device cilium_host");
    IOException refusal = assertThrows(IOException.class, () -> GatewayDaemon.start(file, machine));
    assertTrue(
        refusal.toString().contains("cilium (device cilium_host): its programs take"),
        refusal::toString);
    assertTrue(refusal.toString().contains("accept: [cilium]"), refusal::toString);
    assertEquals(List.of(), network.calls());
    assertFalse(machine.runState().exists("cv0"));
  }

  @Test
  void allThatIsToBeAcceptedIsSaidAtOnce() throws Exception {
    network.blindSpot(BlindSpot.BRIDGE, "eth0");
    network.blindSpot(BlindSpot.MACVLAN, "device mv0");
    Files.writeString(file, Files.readString(file) + "  strict: {accept: [xdp]}\n");
    IOException refusal = assertThrows(IOException.class, () -> GatewayDaemon.start(file, machine));
    assertTrue(
        refusal.toString().endsWith("spec.strict.accept: [macvlan, bridge, xdp]"),
        refusal::toString);
  }

  @Test
  void whatIsAcceptedByNameOrNotStrictIsOnlyTold() throws Exception {
    network.blindSpot(BlindSpot.NO_NETDEV_EGRESS, "no such hook");
    String yaml = Files.readString(file);
    for (String strict : List.of("accept: [no-netdev-egress]", "egress: false, ingress: false")) {
      Files.writeString(file, yaml + "  strict: {" + strict + "}\n");
      try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
        assertFalse(daemon.wasStopped());
      }
    }
    Files.writeString(file, yaml + "  strict: {accept: [macvlan]}\n");
    assertThrows(IOException.class, () -> GatewayDaemon.start(file, machine));
    Files.writeString(file, yaml + "  strict: {accept: [macvlam]}\n");
    ConfigException unknown =
        assertThrows(ConfigException.class, () -> GatewayDaemon.start(file, machine));
    assertTrue(unknown.toString().contains("macvlan, ipvlan, bridge"), unknown::toString);
  }

  @Test
  void aBlindSpotThatComesLaterIsToldOfAndAReloadThatDoesNotAcceptItIsRefused() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine);
        LogLines log = LogLines.of(BlindSpotWatch.class)) {
      network.blindSpot(BlindSpot.MACVLAN, "device mv0");
      network.mtu(1500);
      assertTrue(Eventually.holds(() -> log.text().contains("device mv0")));
      network.clear();
      IOException refusal = assertThrows(IOException.class, daemon::reload);
      assertTrue(refusal.toString().endsWith("spec.strict.accept: [macvlan]"), refusal::toString);
      assertEquals(List.of(), network.calls());
      Files.writeString(file, Files.readString(file) + "  strict: {accept: [macvlan]}\n");
      daemon.reload();
    }
  }

  @Test
  void whereNoGuardCanBeHadNothingIsTouched() {
    network.guardFault("this kernel is too old");
    IOException refusal = assertThrows(IOException.class, () -> GatewayDaemon.start(file, machine));
    assertEquals("no guard can be had: this kernel is too old", refusal.getMessage());
    assertEquals(List.of(), network.calls());
    assertFalse(machine.runState().exists("cv0"));
  }

  @Test
  void aNoteOfANamespaceThatIsGoneIsForgotten() throws Exception {
    machine.runState().write("other", directory.resolve("other.yaml"));
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertFalse(machine.runState().exists("other"), "there is no guard that could be its own");
      assertFalse(daemon.wasStopped());
    }
    network.count("unknown_out", 0);
    try (GatewayDaemon again = GatewayDaemon.start(file, machine)) {
      assertFalse(again.wasStopped(), "the guard is its own");
    }
  }

  @Test
  void oneNetworkNamespaceHasOneGuard() throws Exception {
    machine.runState().write("other", directory.resolve("other.yaml"));
    network.count("unknown_out", 0);
    IOException refusal = assertThrows(IOException.class, () -> GatewayDaemon.start(file, machine));
    assertTrue(String.valueOf(refusal.getMessage()).startsWith("other guards this network"));
    assertEquals(List.of(), network.calls());
    write("routes: false", peer("a", A, "10.66.2.0/24"));
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals(List.of("open cv0", "link cv0 0 +[] -[]"), network.calls());
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void aFileOfPeersAsksTheKernelForThisNodesOwnAddressesAndPods() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertFalse(daemon.wasStopped());
      Guard guard = network.plan().guard();
      assertEquals(
          "[10.66.0.1/32, 192.0.2.1/32]", guard.localNode().toString(), "its own, then the wire's");
      assertEquals("[10.66.1.0/24]", guard.localPods().toString(), "ranges on its other devices");
      assertEquals("[10.66.2.0/24]", guard.remotePods().toString());
      assertEquals(List.of("wire0"), guard.underlay());
    }
  }

  @Test
  void theMtuFollowsTheUnderlay() throws Exception {
    write("addresses: [10.66.0.1/24]", peer("a", A, "10.66.2.0/24"));
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals(1420, network.plan().links().getFirst().mtu());
      network.mtu(1400);
      assertTrue(Eventually.holds(() -> network.plan().links().getFirst().mtu() == 1320));
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void peersThatAreAllReachedByIpv4LeaveMoreRoomInside() throws Exception {
    assertEquals(1440, mtuOf("endpoint: '192.0.2.2:51820'"));
    assertEquals(1420, mtuOf("endpoint: '[2001:db8::2]:51820'"));
    assertEquals(1420, mtuOf("persistentKeepalive: 0"), "it may come from anywhere");
  }

  @Test
  void theDeviceHasThePlansMtuFromItsBeginning() throws Exception {
    mtuOf("endpoint: '192.0.2.2:51820'");
    assertEquals(1440, openedWith, "else the keeper undoes the gateway's own change");
  }

  private int mtuOf(String setting) throws Exception {
    String peer = peer("a", A, "10.66.2.0/24", setting);
    write("addresses: [10.66.0.1/24]", peer);
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertFalse(daemon.wasStopped());
      return network.plan().links().getFirst().mtu();
    }
  }

  @Test
  void anMtuTooSmallForTheClustersIpv6IsRefusedAtTheStartAndToldOfLater() throws Exception {
    write("addresses: ['fd66::1/64']", peer("a", A, "'fd66:0:0:2::/64'"));
    network.mtu(1359);
    IOException refusal = assertThrows(IOException.class, () -> GatewayDaemon.start(file, machine));
    assertTrue(String.valueOf(refusal.getMessage()).contains("MTU of 1279"), "" + refusal);
    network.mtu(1360);
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine);
        LogLines log = LogLines.of(Planner.class)) {
      network.mtu(1300);
      assertTrue(
          Eventually.holds(() -> network.plan().links().getFirst().mtu() == 1220),
          "packets larger than the wire allows would be lost");
      assertTrue(Eventually.holds(() -> log.text().contains("IPv6 goes no more")));
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void settingsAreNotedBeforeTheyChangeAndPutBackWhenTheGuardGoes() throws Exception {
    String key = "net/ipv4/conf/wire0/src_valid_mark";
    network.setting(key, "0");
    GatewayDaemon.start(file, machine).close();
    assertEquals("1", network.setting(key).orElseThrow());
    GatewayDaemon.start(file, machine).close();
    machine.runState().settings("cv0").restore(network);
    assertEquals(
        "0", network.setting(key).orElseThrow(), "not the value that the second start found");

    GatewayDaemon.start(file, machine).close();
    network.setting(key, "2");
    machine.runState().settings("cv0").restore(network);
    assertEquals("2", network.setting(key).orElseThrow(), "others have changed it since");
  }

  @Test
  void withoutRepairsTheGatewayEndsAndSaysWhy() throws Exception {
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertTrue(daemon.failure().isEmpty());
      network.lose(new OutOfMemoryError("heap"));
      daemon.awaitClosed();
      assertFalse(daemon.wasStopped());
      assertTrue(daemon.failure().orElse("").contains("OutOfMemoryError: heap"));
    }
    assertEquals("leave", network.calls().getLast(), "the guard stands");
    assertTrue(machine.runState().exists("cv0"));
  }

  private void discoverable(String... nodes) throws IOException {
    Path half = directory.resolve("half");
    Files.writeString(half, GatewayYaml.nodesFile(nodes));
    Files.move(half, directory.resolve("nodes.yaml"), StandardCopyOption.REPLACE_EXISTING);
  }

  private static String node(String name, String key, String address, String pods) {
    return GatewayYaml.entry(
        name, "internal: [" + address + "]", "podCIDRs: [" + pods + "]", "publicKey: " + key);
  }

  @Test
  void theFileOfNodesIsFollowedAndABadOneKeepsWhatIsInForce() throws Exception {
    discoverable(node("b", A, "192.0.2.2", "10.66.2.0/24"));
    GatewayYaml.of("cv0")
        .with("identity: {privateKeyFile: key}", "node: a", "discovery: {file: nodes.yaml}")
        .nodes(GatewayYaml.entry("a", "internal: [192.0.2.1]", "podCIDRs: [10.66.1.0/24]"))
        .write(file);
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine);
        LogLines log = LogLines.of(GatewayDaemon.class, ConfigChanges.class)) {
      assertEquals("[10.66.2.0/24]", network.plan().guard().remotePods().toString());
      discoverable(
          node("b", A, "192.0.2.2", "10.66.2.0/24"), node("c", B, "192.0.2.3", "10.66.3.0/24"));
      assertTrue(Eventually.holds(() -> network.plan().guard().remotePods().size() == 2));
      assertTrue(Eventually.holds(() -> device().updates().size() == 2));
      assertEquals(1, device().updates().getLast().peers().size(), "the new one alone");

      Files.writeString(file, "broken");
      network.clear();
      discoverable(node("b", A, "192.0.2.2", "10.66.2.0/33"));
      String reason =
          directory.resolve("nodes.yaml")
              + ":4: nodes[0].podCIDRs[0]: '10.66.2.0/33' is not an address range";
      assertTrue(Eventually.holds(() -> log.text().contains(reason)), () -> log.text());
      assertEquals(List.of(), network.calls());

      discoverable(node("c", B, "192.0.2.3", "10.66.3.0/24"));
      assertTrue(
          Eventually.holds(
              () -> network.plan().guard().remotePods().toString().equals("[10.66.3.0/24]")),
          "the configuration was changed too, but nobody has asked for that");
      assertFalse(daemon.wasStopped());
    }
  }
}
