// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.testing.Eventually;
import dev.culvert.daemon.testing.FakeMachine;
import dev.culvert.daemon.testing.FakeNetwork;
import dev.culvert.daemon.testing.FakeTunnels;
import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.tunnel.gateway.Descriptors;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.GatewayOptions;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.LibC;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The service manager keeps a gateway's queues until its end is wanted; the next one has them. */
final class StoredQueuesTest {
  private static final String A = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
  private static final int F_DUPFD = 0;
  private static final int F_GETFD = 1;
  private static final String REMOVE = "FDSTOREREMOVE=1\nFDNAME=tun-cv0 []";
  private static final String STORE = "FDSTORE=1\nFDNAME=tun-cv0\nFDPOLL=0 ";
  private static final String OPENED = STORE + FakeTunnels.QUEUES;

  private final FakeNetwork network = new FakeNetwork();
  private final List<GatewayOptions> opened = new ArrayList<>();
  private boolean refusing;
  private final FakeTunnels tunnels =
      new FakeTunnels(
          options -> {
            network.note("open " + options.interfaceName());
            opened.add(options);
            if (refusing) {
              throw new DeviceException("as if it was not there", Errno.ENODEV);
            }
          });

  private final List<String> told = Collections.synchronizedList(new ArrayList<>());
  private final List<Integer> descriptors = new ArrayList<>();

  @TempDir private Path directory;
  private Path file;
  private Machine machine;

  @BeforeEach
  void prepare() throws IOException {
    machine = FakeMachine.in(directory, tunnels, network);
    file = directory.resolve("gw.yaml");
    GatewayYaml.of("cv0", "mtu: 1400, addresses: [10.66.0.1/24]")
        .with("identity: {privateKeyFile: key}", "clusterCIDRs: [10.66.0.0/16]")
        .peers(GatewayYaml.entry("a", "publicKey: " + A, "allowedIps: [10.66.2.0/24]"))
        .write(file);
    // Of numbers that nobody gets after they are closed.
    int fd = LIBC.open("/dev/null", LibC.O_RDONLY | LibC.O_CLOEXEC, 0);
    descriptors.add(LIBC.fcntl(fd, F_DUPFD, 700));
    descriptors.add(LIBC.fcntl(fd, F_DUPFD, 700));
    LIBC.close(fd);
  }

  @AfterEach
  void close() {
    descriptors.stream().filter(StoredQueuesTest::isOpen).forEach(LIBC::close);
  }

  private static boolean isOpen(int fd) {
    return LIBC.fcntl(fd, F_GETFD, 0) >= 0;
  }

  private ServiceManager manager(String... names) {
    List<StoredDescriptor> stored = new ArrayList<>();
    for (String name : names) {
      stored.add(new StoredDescriptor(name, descriptors.get(stored.size())));
    }
    return new ServiceManager((message, fds) -> told.add(message + " " + fds), null, stored);
  }

  private GatewayDaemon start(String... names) throws Exception {
    return GatewayDaemon.start(file, machine, manager(names), () -> {});
  }

  @Test
  void theManagerGetsTheQueuesAndLosesThemBeforeAnEndThatIsWanted() throws Exception {
    try (GatewayDaemon daemon = start()) {
      assertEquals(List.of(REMOVE, OPENED), told);
      daemon.closeDevice();
      assertEquals(List.of(REMOVE, OPENED, REMOVE), told);
      assertTrue(tunnels.devices().getFirst().tunnel().isClosed());
    }
  }

  @Test
  void theManagerKeepsThemAfterAFailure() throws Exception {
    try (GatewayDaemon daemon = start()) {
      daemon.giveUp("as if a lane had died");
      assertTrue(Eventually.holds(tunnels.devices().getFirst().tunnel()::isClosed));
    }
    assertEquals(List.of(REMOVE, OPENED), told);
  }

  @Test
  void theNextProcessGuardsAndThenContinuesTheInterface() throws Exception {
    network.interfaceIsForeign("another process uses it");
    try (GatewayDaemon daemon = start("tun-cv0", "tun-cv0")) {
      assertEquals(descriptors, inherited().all());
      assertTrue(network.calls().getFirst().startsWith("keep "), "the guard comes first");
      assertEquals("open cv0", network.calls().get(1));
      assertEquals(1, tunnels.devices().getFirst().tunnel().discards(), "they are too old");
      assertEquals(List.of(REMOVE, STORE + descriptors), told);
      assertEquals("cv0", daemon.interfaceName());
    }
  }

  @Test
  void queuesThatCannotBeUsedAreClosedAndTheStartIsANormalOne() throws Exception {
    tunnels.refuseQueues("the TUN device is gone");
    try (GatewayDaemon daemon = start("tun-cv0", "tun-cv0")) {
      assertNull(opened.getFirst().inherited());
      assertEquals(List.of(REMOVE, REMOVE, OPENED), told);
      assertTrue(descriptors.stream().noneMatch(StoredQueuesTest::isOpen));
      assertEquals(0, tunnels.devices().getFirst().tunnel().discards());
      assertEquals("cv0", daemon.interfaceName());
    }
  }

  @Test
  void thoseOfAnotherInterfaceAreClosedAndTheOwnOnesContinued() throws Exception {
    try (GatewayDaemon daemon = start("tun-cv1", "tun-cv0")) {
      assertEquals(List.of(descriptors.get(1)), inherited().all());
      assertEquals("FDSTOREREMOVE=1\nFDNAME=tun-cv1 []", told.getFirst());
      assertTrue(!isOpen(descriptors.getFirst()) && isOpen(descriptors.get(1)));
      assertEquals("cv0", daemon.interfaceName());
    }
  }

  @Test
  void ifTheInterfaceCannotBeContinuedTheStartAfterThisIsANormalOne() {
    refusing = true;
    assertThrows(IOException.class, () -> start("tun-cv0", "tun-cv0"));
    assertEquals(List.of(REMOVE), told);
  }

  @Test
  void aGuardThatIsRefusedLeavesThemWithTheManager() {
    network.failing(true);
    assertThrows(IOException.class, () -> start("tun-cv0", "tun-cv0"));
    assertEquals(List.of(), opened, "nothing is opened without a guard");
    assertEquals(List.of(), told);
  }

  @Test
  void aStrangersInterfaceIsRefusedAsEver() {
    network.interfaceIsForeign("another process uses it");
    assertThrows(IOException.class, this::start);
    assertEquals(List.of(), opened);
  }

  private Descriptors inherited() {
    return Objects.requireNonNull(opened.getFirst().inherited());
  }
}
