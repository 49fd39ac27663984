// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.TestLab;
import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Namespaces;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * Sends garbage, and datagrams that were captured: as they were, with a bit flipped, and truncated,
 * in turns. A program of its own, for its own namespace.
 */
final class Attacker {
  private static final int PORT = 51820;
  private static final int LONGEST = 1472;
  private static final int ETHERNET_AND_IPV4_AND_UDP = 14 + 20 + 8;

  private final Random random = new Random(4711);
  private final List<byte[]> samples;

  private Attacker(List<byte[]> samples) {
    this.samples = samples;
  }

  /**
   * The command that attacks.
   *
   * @param samples captured datagrams in base64, one a line
   */
  static List<String> command(String host, int perSecond, long seconds, Path samples) {
    return List.of(
        System.getProperty("java.home") + "/bin/java",
        "-XX:+UseSerialGC",
        "-Xmx64m",
        "-cp",
        System.getProperty("java.class.path"),
        Attacker.class.getName(),
        host,
        Integer.toString(perSecond),
        Long.toString(seconds),
        samples.toString());
  }

  /** A stranger's place on the wire. */
  static Namespace namespace(LabNetwork network) {
    Namespace attacker = network.namespaces.create("attacker");
    Namespaces.connect(
        new Namespaces.End(attacker, "eth0"), new Namespaces.End(network.wire, "attacker"));
    network.wire.ip("link", "set", "attacker", "master", LabNetwork.BRIDGE);
    return attacker.address("eth0", "192.0.2.66/24");
  }

  /**
   * A handshake and data from node-b to node-a, as they crossed the wire. Node-b's gateway is
   * started anew.
   *
   * @return a file in {@code folder}
   */
  static Path capturedDatagrams(TestLab lab, Path folder) throws IOException {
    List<String> datagrams = Collections.synchronizedList(new ArrayList<>());
    try (Capture capture =
        Capture.start(
            lab.network.wire,
            LabNetwork.BRIDGE,
            "udp and dst host " + lab.network.a.wireAddress(),
            List.of(),
            packet -> datagrams.add(payload(packet)))) {
      // One that starts asks for a handshake: so the initiation goes to node-a.
      lab.gatewayB.kill();
      lab.gatewayB.start(Files.readString(lab.gatewayB.configuration()));
      assertTrue(Waiting.until(Commands.PATIENCE, lab::podsReachEachOther), "after the restart");
      String to = lab.network.a.podAddress();
      lab.network.b.pod().run("ping", "-n", "-c", "20", "-i", "0.02", "-s", "200", to);
      capture.stop();
    }
    assertTrue(datagrams.size() > 20, "captured: " + datagrams.size());
    return Files.write(folder.resolve("samples"), datagrams);
  }

  private static String payload(byte[] packet) {
    byte[] payload = new byte[packet.length - ETHERNET_AND_IPV4_AND_UDP];
    System.arraycopy(packet, ETHERNET_AND_IPV4_AND_UDP, payload, 0, payload.length);
    return Base64.getEncoder().encodeToString(payload);
  }

  /** HOST PER_SECOND SECONDS SAMPLES. */
  public static void main(String[] args) throws IOException {
    List<byte[]> samples =
        Files.readAllLines(Path.of(args[3])).stream().map(Base64.getDecoder()::decode).toList();
    new Attacker(samples)
        .attack(
            new InetSocketAddress(args[0], PORT),
            Integer.parseInt(args[1]),
            Long.parseLong(args[2]));
  }

  private void attack(InetSocketAddress target, int perSecond, long seconds) throws IOException {
    long begin = System.nanoTime();
    long total = perSecond * seconds;
    try (DatagramSocket socket = new DatagramSocket()) {
      for (long i = 0; i < total; i++) {
        long ahead = i * 1_000_000_000L / perSecond - (System.nanoTime() - begin);
        if (ahead > 1_000_000) {
          Waiting.pause(Duration.ofNanos(ahead));
        }
        byte[] datagram = datagram(i);
        socket.send(new DatagramPacket(datagram, datagram.length, target));
      }
    }
    System.out.println("sent " + total);
  }

  private byte[] datagram(long i) {
    byte[] sample = samples.get(random.nextInt(samples.size()));
    return switch ((int) (i % 4)) {
      case 0 -> garbage();
      case 1 -> sample;
      case 2 -> bitFlipped(sample.clone());
      default -> Arrays.copyOf(sample, random.nextInt(sample.length));
    };
  }

  /** Random bytes, half of them behind the type of a message. */
  private byte[] garbage() {
    byte[] garbage = new byte[random.nextInt(LONGEST + 1)];
    random.nextBytes(garbage);
    if (garbage.length >= 4 && random.nextBoolean()) {
      garbage[0] = (byte) (1 + random.nextInt(4));
      Arrays.fill(garbage, 1, 4, (byte) 0);
    }
    return garbage;
  }

  private byte[] bitFlipped(byte[] datagram) {
    int bit = random.nextInt(datagram.length * Byte.SIZE);
    datagram[bit / Byte.SIZE] ^= (byte) (1 << (bit % Byte.SIZE));
    return datagram;
  }
}
