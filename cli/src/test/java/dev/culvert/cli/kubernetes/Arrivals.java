// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.cli.kit.TestCluster;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Traffic;
import dev.culvert.lab.net.Waiting;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The numbered datagrams that are in a namespace in clear, on whichever device: those that arrived
 * through the tunnel too. Begins with a proof that it sees them.
 */
final class Arrivals implements AutoCloseable {
  private static final String CANARY = "canary-of-arrivals";
  private static final String PORT = "7";

  private final Capture capture;
  private final Map<String, NavigableSet<Long>> numbers = new TreeMap<>();

  /**
   * Begins to look.
   *
   * @param pod behind the node, which sends it the canary
   * @param texts that tell the datagrams apart
   */
  Arrivals(Namespace node, Namespace pod, String nodeAddress, String... texts) {
    for (String text : texts) {
      numbers.put(text, new TreeSet<>());
    }
    capture = Capture.startOfMany(node, "any", List.of(CANARY), this::look);
    capture.prove(CANARY, () -> TestCluster.send(pod, nodeAddress, 7, 0, CANARY));
  }

  /** Sends numbered datagrams, a thousand per second, until it is closed. */
  static Daemon send(Namespace from, String address, String text) {
    Daemon sender = from.start(Map.of(), Traffic.command("udp-count", address, PORT, text, "1"));
    sender.awaitOutput("sending");
    return sender;
  }

  private synchronized void look(byte[] packet) {
    numbers.forEach(
        (text, seen) -> {
          int at = indexOf(packet, text.getBytes(UTF_8));
          if (at >= Long.BYTES) {
            seen.add(ByteBuffer.wrap(packet).getLong(at - Long.BYTES));
          }
        });
  }

  private static int indexOf(byte[] packet, byte[] text) {
    for (int i = 0; i + text.length <= packet.length; i++) {
      if (packet[i] == text[0] && Arrays.equals(packet, i, i + text.length, text, 0, text.length)) {
        return i;
      }
    }
    return -1;
  }

  /** The numbers of the datagrams with a text so far. */
  synchronized List<Long> of(String text) {
    NavigableSet<Long> seen = numbers.get(text);
    if (seen == null) {
      throw new IllegalArgumentException("not looked for: " + text);
    }
    return new ArrayList<>(seen);
  }

  /** Waits until so many more datagrams with a text have come. */
  boolean await(int more, String text) {
    int before = of(text).size();
    return Waiting.until(Mesh.PATIENCE, () -> of(text).size() >= before + more);
  }

  @Override
  public void close() {
    capture.close();
  }
}
