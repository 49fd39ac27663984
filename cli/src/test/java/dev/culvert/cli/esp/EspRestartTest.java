// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.esp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Requirements;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabGlobalKey;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Waiting;
import dev.culvert.routing.IpAddress;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Both ends are killed and started again, with one key file, under traffic. */
@Tag("integration")
final class EspRestartTest {
  private static final int PACKETS_EACH_WAY = 5;

  @TempDir private Path folder;

  @BeforeAll
  static void requirements() {
    Requirements.namespaces();
  }

  @Test
  void noPairOfKeyAndIvIsUsedTwiceOverRestartsOfBothEnds() throws Exception {
    noneIsUsedTwice(10);
  }

  @Test
  @Tag("soak")
  void noPairOfKeyAndIvIsUsedTwiceOverAThousandRestartsOfBothEnds() throws Exception {
    noneIsUsedTwice(Integer.getInteger("culvert.restarts", 1000));
  }

  private void noneIsUsedTwice(int restarts) throws Exception {
    KeyUse use = restart(restarts, false);
    System.out.println(restarts + " restarts of both ends: " + use);
    assertEquals(0, use.repeats(), use::toString);
    assertEquals(0, use.unknown(), use::toString);
    assertTrue(use.keys() >= 2 * restarts, use::toString);
  }

  /** The control: the count finds epochs that never change at either end. */
  @Test
  void theCountFindsFixedEpochs() throws Exception {
    KeyUse use = restart(3, true);
    System.out.println("fixed epochs, 3 restarts of both ends: " + use);
    assertTrue(use.repeats() > 0, use::toString);
    assertEquals(0, use.unknown(), use::toString);
  }

  private KeyUse restart(int restarts, boolean fixedEpochs) throws Exception {
    long id = 30_000_000 + ProcessHandle.current().pid() % 1_000_000 * 10 + (fixedEpochs ? 1 : 0);
    KeyUse use = new KeyUse();
    try (LabNetwork network = LabNetwork.create(id)) {
      for (LabSite site : network.sites()) {
        LabEngine.ESP.makeKeys(site, folder);
        // Else a train crosses the wire as one packet, and only its first could be told.
        site.node().ip("link", "set", LabSite.WIRE_DEVICE, "gso_max_segs", "1");
      }
      List<byte[]> captured = new ArrayList<>();
      try (Capture capture =
              Capture.start(
                  network.wire,
                  LabNetwork.BRIDGE,
                  "udp port 4500",
                  List.of(),
                  packet -> keep(packet, captured));
          Daemon ping =
              network.a.pod().start("ping", "-n", "-q", "-i", "0.01", network.b.podAddress())) {
        for (int i = 0; i < restarts; i++) {
          round(network, captured, fixedEpochs);
          use.add(take(captured), keyLogs(network));
          if ((i + 1) % 100 == 0) {
            System.out.println("after " + (i + 1) + " restarts: " + use);
          }
        }
        assertTrue(ping.isAlive());
        capture.stop();
        use.add(take(captured), keyLogs(network));
      }
    }
    return use;
  }

  private static void keep(byte[] packet, List<byte[]> captured) {
    if (KeyUse.isEsp(packet)) {
      synchronized (captured) {
        captured.add(packet);
      }
    }
  }

  private static List<byte[]> take(List<byte[]> captured) {
    synchronized (captured) {
      List<byte[]> all = List.copyOf(captured);
      captured.clear();
      return all;
    }
  }

  private Path keyLog(LabSite site) {
    return folder.resolve(site.nodeName() + ".keylog");
  }

  private static int address(LabSite site) {
    return ByteBuffer.wrap(IpAddress.parse(site.wireAddress()).toBytes()).getInt();
  }

  private Map<Integer, Path> keyLogs(LabNetwork network) {
    return Map.of(address(network.a), keyLog(network.a), address(network.b), keyLog(network.b));
  }

  /** Starts both ends, waits for traffic both ways, and kills both. */
  private void round(LabNetwork network, List<byte[]> captured, boolean fixedEpochs) {
    try (Daemon a = start(network.a, network.b, fixedEpochs);
        Daemon b = start(network.b, network.a, fixedEpochs)) {
      attach(network.a, network.b, a);
      attach(network.b, network.a, b);
      // Packets of the round before may still be on their way to us.
      long ofA = count(captured, address(network.a)) + PACKETS_EACH_WAY;
      long ofB = count(captured, address(network.b)) + PACKETS_EACH_WAY;
      boolean flows =
          Waiting.until(
              Commands.PATIENCE,
              () ->
                  count(captured, address(network.a)) >= ofA
                      && count(captured, address(network.b)) >= ofB);
      assertTrue(flows, () -> a.output() + b.output());
      a.signal("KILL");
      b.signal("KILL");
      a.awaitEnd(Commands.PATIENCE);
      b.awaitEnd(Commands.PATIENCE);
    }
  }

  private static long count(List<byte[]> captured, int source) {
    synchronized (captured) {
      return captured.stream().filter(packet -> KeyUse.source(packet) == source).count();
    }
  }

  private Daemon start(LabSite site, LabSite other, boolean fixedEpochs) {
    return site.node()
        .start(
            Map.of(),
            KeyLoggingEspGateway.command(
                site, other, LabGlobalKey.file(site, folder), keyLog(site), fixedEpochs));
  }

  private static void attach(LabSite site, LabSite other, Daemon gateway) {
    gateway.awaitOutput("is up");
    site.node().up(site.interfaceName());
    site.node().route(other.podCidrs().getFirst(), "dev", site.interfaceName());
  }
}
