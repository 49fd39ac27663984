// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.X25519;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.esp.EspPeerSettings;
import dev.culvert.tunnel.esp.Selectors;
import dev.culvert.tunnel.esp.noise.NoiseKeying;
import dev.culvert.tunnel.esp.noise.NoisePeerKeys;
import dev.culvert.tunnel.kernel.NetworkNamespace;
import dev.culvert.tunnel.noise.PublicKey;
import dev.culvert.tunnel.port.Encapsulation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Two real gateways, keyed by handshakes, on a wire between two namespaces. */
@Tag("integration")
final class NoiseGatewayTest {
  private static final String MARKER = "never in clear on the wire";
  private static final String CONTROL = "in-clear-to-show-that-the-capture-works";
  private static final int PORT = 4500;
  private static final String POD = "10.88.0.7";
  private static final String SEND =
      """
      import socket, struct, sys
      addresses = [socket.inet_aton(a) for a in sys.argv[1:]]
      ip = struct.pack("!BBHHHBBH4s4s", 69, 0, 0, 0, 0, 64, 17, 0, *addresses)
      packet = ip + struct.pack("!HHHH", 4500, 4500, 12, 0) + b"pods"
      socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW).sendto(packet, (sys.argv[2], 0))
      """;

  @TempDir Path directory;

  /** One node: its namespace, its key, its addresses outside and inside. */
  private static final class Side implements AutoCloseable {
    final NetworkNamespace namespace;
    final SecretBytes privateKey;
    final PublicKey publicKey;
    final IpAddress outer;
    final IpAddress inner;
    EspTunnel<NoiseKeying> gateway;

    Side(int number, @Nullable Path state) throws Exception {
      namespace = NetworkNamespace.create();
      outer = IpAddress.parse("192.0.2." + number);
      inner = IpAddress.parse("10.77.0." + number);
      byte[] key = X25519.generatePrivateKey(new SecureRandom());
      publicKey = PublicKey.of(X25519.publicKey(key));
      privateKey = SecretBytes.owning(key);
      NoiseKeying keying =
          new NoiseKeying(
              privateKey,
              AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305),
              new SecureRandom(),
              null);
      gateway =
          namespace.call(
              () ->
                  EspTunnel.open(
                      GatewayOptions.esp(
                              "noisetest" + number, 1400, 1, 0, PORT, 0, Encapsulation.UDP)
                          .keeping(state),
                      keying));
      namespace.exec(
          "ip", "address", "add", inner + "/24", "dev", gateway.tunnel().interfaceName());
      namespace.exec("ip", "link", "set", gateway.tunnel().interfaceName(), "up");
    }

    void wire(String device) throws Exception {
      namespace.exec("ip", "address", "add", outer + "/24", "dev", device);
      namespace.exec("ip", "link", "set", device, "up");
    }

    void knows(Side other) throws DeviceException {
      gateway.keying(
          (keying, now) -> {
            keying.keys(Map.of("other", new NoisePeerKeys(other.publicKey, null, 0)));
            return true;
          });
      EspPeerSettings peer =
          new EspPeerSettings(
              "other",
              outer,
              other.outer,
              Endpoint.of(other.outer, PORT),
              new Selectors(List.of(Prefix.host(inner)), List.of(Prefix.host(other.inner))));
      gateway.configure(List.of(peer), PORT, 0);
    }

    long drops(DropReason reason) {
      return gateway.tunnel().status().drops().getOrDefault(reason, 0L);
    }

    /** Sends a datagram from the tunnel's port, and from any source. */
    void sendFrom(String source, IpAddress to) throws Exception {
      namespace.exec("python3", "-c", SEND, source, to.toString());
    }

    @Override
    public void close() {
      gateway.close();
      namespace.close();
    }
  }

  @Test
  @Timeout(60)
  void pingAndTcpPassAndNothingIsInClear() throws Exception {
    try (Side a = new Side(1, null);
        Side b = new Side(2, null)) {
      connect(a, b);
      Path capture = directory.resolve("wire.pcap");
      Process tcpdump =
          a.namespace.start("tcpdump", "-U", "-i", "noisea", "-w", capture.toString());
      try {
        a.knows(b);
        b.knows(a);
        // With a deadline, ping waits for late replies too, and sends more until 20 have come.
        String ping = a.namespace.exec("ping", "-c", "20", "-i", "0.05", "-w", "20", "" + b.inner);
        for (int i = 1; i <= 20; i++) {
          assertTrue(ping.contains("icmp_seq=" + i + " "), ping);
        }
        assertEquals(MARKER.repeat(20_000), overTcp(a, b));
        awaitCapture(capture, a, b);
      } finally {
        tcpdump.destroy();
        tcpdump.waitFor(5, TimeUnit.SECONDS);
      }
      assertEncrypted(capture);
      assertFalse(a.gateway.securityAssociations().isEmpty());
    }
  }

  private static void connect(Side a, Side b) throws Exception {
    a.namespace.exec(
        "ip",
        "link",
        "add",
        "noisea",
        "type",
        "veth",
        "peer",
        "name",
        "noiseb",
        "netns",
        b.namespace.path());
    a.wire("noisea");
    b.wire("noiseb");
  }

  @Test
  @Timeout(60)
  void aClockThatWasSetBackLocksNobodyOut() throws Exception {
    Path state = Files.createDirectory(directory.resolve("state"));
    Path newest = state.resolve("last-timestamp");
    Instant ofAnEarlierLife = Instant.now().plus(Duration.ofDays(1));
    Files.writeString(newest, ofAnEarlierLife.toString());
    Files.setPosixFilePermissions(newest, PosixFilePermissions.fromString("rw-------"));
    try (Side a = new Side(1, state);
        Side b = new Side(2, null)) {
      connect(a, b);
      b.knows(a);
      // The time of a's handshake is kept, so b sees that it was later than all before. If b was
      // the
      // first to begin, there is none of a: then a begins once more.
      do {
        a.gateway.configure(List.of(), PORT, 0);
        a.knows(b);
        while (a.gateway.securityAssociations().isEmpty()) {
          Thread.sleep(20);
        }
      } while (!Instant.parse(Files.readString(newest)).isAfter(ofAnEarlierLife));
    }
  }

  /** There is no wire: packets of a to b come out of its own device again, as a warning says. */
  @Test
  @Timeout(60)
  void anEndpointThatIsRoutedIntoItsOwnTunnelIsNamedInTheLogAndAPodsDatagramIsNotTakenForOne()
      throws Exception {
    Logger logger = (Logger) LoggerFactory.getLogger(EngineEvents.class);
    ListAppender<ILoggingEvent> lines = new ListAppender<>();
    lines.list = new CopyOnWriteArrayList<>();
    lines.start();
    logger.addAppender(lines);
    try (Side a = new Side(1, null);
        Side b = new Side(2, null)) {
      a.namespace.exec("ip", "route", "add", b.outer + "/32", "dev", "noisetest1");
      a.knows(b);
      while (lines.list.isEmpty()) {
        Thread.sleep(20);
      }
      String line = lines.list.getFirst().getFormattedMessage();
      assertTrue(line.startsWith("noisetest1: a route leads other at 192.0.2.2:4500 into"), line);
      while (a.drops(DropReason.NO_ROUTE) == 0) {
        a.sendFrom(POD, b.outer);
      }
      a.namespace.exec("ip", "address", "add", POD + "/32", "dev", "lo");
      // Once the gateway has heard of the address, packets from there are its own.
      for (long before = -1; before != a.drops(DropReason.NO_ROUTE); ) {
        before = a.drops(DropReason.NO_ROUTE);
        long looped = a.drops(DropReason.LOOPED);
        a.sendFrom(POD, b.outer);
        while (a.drops(DropReason.NO_ROUTE) == before && a.drops(DropReason.LOOPED) == looped) {
          Thread.sleep(1);
        }
      }
    } finally {
      logger.detachAppender(lines);
    }
  }

  /** The bytes of a that b receives. */
  private String overTcp(Side a, Side b) throws Exception {
    Path text = directory.resolve("text");
    Path received = directory.resolve("received");
    Files.writeString(text, MARKER.repeat(20_000));
    Process server =
        b.namespace.start("socat", "-u", "TCP-LISTEN:7000,bind=" + b.inner, "CREATE:" + received);
    a.namespace.exec(
        "socat", "-u", "FILE:" + text, "TCP:" + b.inner + ":7000,retry=20,interval=0.1");
    assertTrue(server.waitFor(10, TimeUnit.SECONDS));
    return Files.readString(received);
  }

  /** When the capture shows a packet in clear, it has also all that were sent before. */
  private static void awaitCapture(Path capture, Side a, Side b) throws Exception {
    while (!wire(capture).contains(CONTROL)) {
      a.namespace.exec("sh", "-c", "echo " + CONTROL + " | socat -u - UDP:" + b.outer + ":9");
      Thread.sleep(50);
    }
  }

  private static String wire(Path capture) throws IOException {
    return Files.exists(capture) ? new String(Files.readAllBytes(capture), ISO_8859_1) : "";
  }

  private static void assertEncrypted(Path capture) throws IOException {
    String wire = wire(capture);
    assertTrue(wire.length() > MARKER.length() * 20_000, "captured " + wire.length());
    assertFalse(wire.contains(MARKER), "plaintext on the wire");
  }
}
