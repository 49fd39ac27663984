// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Random;

/**
 * Sends garbage, and datagrams that were captured: as they were, with a bit flipped, and truncated,
 * in turns. A program of its own, for its own namespace.
 */
final class Attacker {
  private static final int PORT = 51820;
  private static final int LONGEST = 1472;

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
