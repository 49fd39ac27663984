// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.PeerView;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabFiles;
import dev.culvert.lab.LabFlow;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Crowd;
import dev.culvert.lab.net.LabException;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.NumberedFlow;
import dev.culvert.lab.net.Traffic;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;

/** The lab's network with both its gateways running. */
public final class TestLab implements AutoCloseable {
  private static final AtomicLong COUNT = new AtomicLong();

  public final LabNetwork network;
  public final LabGateway gatewayA;
  public final LabGateway gatewayB;
  public final Path folder;

  public TestLab() throws IOException {
    this(LabEngine.WIREGUARD);
  }

  public TestLab(LabEngine engine) throws IOException {
    this(engine, true);
  }

  /** Without gateways that run. */
  public static TestLab unstarted() throws IOException {
    return unstarted(LabEngine.WIREGUARD);
  }

  /** The same with another engine. */
  public static TestLab unstarted(LabEngine engine) throws IOException {
    return new TestLab(engine, false);
  }

  private TestLab(LabEngine engine, boolean start) throws IOException {
    // Beyond all process ids, which real labs are numbered by.
    long id = 10_000_000 + ProcessHandle.current().pid() % 100_000 * 100 + COUNT.getAndIncrement();
    folder = Files.createTempDirectory("culvert-lab-test");
    network = LabNetwork.create(id);
    try {
      gatewayA = new LabGateway(network.a, folder, Culvert.command(), engine);
      gatewayB = new LabGateway(network.b, folder, Culvert.command(), engine);
      if (start) {
        SideBySide.run(() -> gatewayA.start(gatewayB), () -> gatewayB.start(gatewayA));
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /** Whether the pods reach each other, IPv4 and IPv6, one attempt each. */
  public boolean podsReachEachOther() {
    return reaches(network.b.podAddress()) && reaches(network.b.podAddressV6());
  }

  private boolean reaches(String address) {
    return network
        .a
        .pod()
        .attempt("ping", "-n", "-c", "2", "-i", "0.2", "-W", Crowd.seconds(2), address)
        .succeeded();
  }

  /** Looks for a marker on the wire between the nodes. */
  public Capture capture(String marker) {
    return Capture.start(network.wire, LabNetwork.BRIDGE, "", List.of(marker));
  }

  /**
   * A stream of the marker and pings arrive both ways, in both families, complete and unchanged.
   */
  public void assertPodsExchangeUnchanged(String marker) {
    for (String address : List.of(network.b.podAddress(), network.b.podAddressV6())) {
      assertArrivesUnchanged(network.a, network.b, address, marker);
    }
    for (String address : List.of(network.a.podAddress(), network.a.podAddressV6())) {
      assertArrivesUnchanged(network.b, network.a, address, marker);
    }
  }

  private static void assertArrivesUnchanged(
      LabSite from, LabSite to, String address, String marker) {
    try (LabFlow flow = new LabFlow(from.pod(), to.pod(), address, Duration.ofSeconds(1), marker)) {
      assertTrue(flow.arrivedUnchanged(), address);
      assertEquals(0, flow.pingLoss(), address);
    }
  }

  /** The control of a capture: it sees numbered packets from node to node, past the tunnel. */
  public void assertCaptureSeesPacketsInClear(String marker) {
    try (Capture capture = capture(marker);
        NumberedFlow flow =
            new NumberedFlow(network.a.node(), network.b.node(), network.b.wireAddress(), marker)) {
      Waiting.pause(Duration.ofMillis(500));
      NumberedFlow.Outcome outcome = flow.finish();
      capture.stop();
      assertEquals(outcome.sent(), capture.seen(marker));
      assertNotEquals(0, outcome.sent());
    }
  }

  /** Sends a text from pod-a to pod-b in every way there is, whether or not it arrives. */
  public void sendToPodB(String text) {
    String addresses = network.b.podAddress() + "," + network.b.podAddressV6();
    for (Namespace from : List.of(network.a.pod(), network.a.node())) {
      Traffic.send(from, "udp-text", addresses, "9001", text);
    }
  }

  /**
   * Changes the configuration of a gateway that runs, by a reload.
   *
   * @return the text before
   */
  public static String reconfigure(LabGateway gateway, UnaryOperator<String> change)
      throws IOException {
    String before = Files.readString(gateway.configuration());
    LabFiles.writePrivate(gateway.configuration(), change.apply(before));
    LabSite site = gateway.site();
    site.node().run(Culvert.command("reload", site.interfaceName()).toArray(String[]::new));
    return before;
  }

  /**
   * Gives a gateway that runs an endpoint of metrics, by a reload.
   *
   * @param address to listen on
   */
  public static void observe(LabGateway gateway, String address) throws IOException {
    reconfigure(gateway, yaml -> observed(yaml, address, ""));
  }

  /**
   * A configuration with an endpoint of metrics.
   *
   * @param more settings of it, each with a comma in front
   */
  public static String observed(String yaml, String address, String more) {
    return yaml.replaceFirst(
        "spec:\n",
        "spec:\n  observability: {listen: '%s:%d'%s}\n"
            .formatted(address, TestPrometheus.METRICS_PORT, more));
  }

  public static GatewayView.TrafficView traffic(LabGateway gateway) {
    return Objects.requireNonNull(gateway.status().orElseThrow().traffic());
  }

  public static Map<String, Long> drops(LabGateway gateway) {
    return traffic(gateway).drops();
  }

  public static PeerView onlyPeer(LabGateway gateway) {
    return gateway.status().orElseThrow().peers().getFirst();
  }

  @Override
  public void close() {
    network.close();
    try (var files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
      Files.delete(folder);
    } catch (IOException e) {
      throw new LabException("cannot remove " + folder, e);
    }
  }
}
