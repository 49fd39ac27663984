// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.socket;

import dev.culvert.tunnel.kernel.DescriptorSocket;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Passes the descriptors of a server as to another process, which gets numbers of its own. */
public record Succession(int listening, List<Integer> connections) {
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final int PER_MESSAGE = 100;

  /** The same, as a message tells it. */
  public Handed handed() {
    List<Integer> all = new ArrayList<>(connections);
    all.addFirst(listening);
    return new Handed(all);
  }

  public static Succession of(HandOver handOver) throws IOException {
    return of(Handed.of(handOver));
  }

  public static Succession of(Handed handed) throws IOException {
    List<DescriptorSocket> pair = DescriptorSocket.pair();
    try (DescriptorSocket left = pair.get(0);
        DescriptorSocket right = pair.get(1)) {
      List<Integer> all = handed.all();
      List<Integer> received = new ArrayList<>();
      for (int i = 0; i < all.size(); i += PER_MESSAGE) {
        List<Integer> some = all.subList(i, Math.min(all.size(), i + PER_MESSAGE));
        left.send(new byte[] {1}, some);
        received.addAll(right.receive(PATIENCE).descriptors());
      }
      return new Succession(received.getFirst(), received.subList(1, received.size()));
    }
  }
}
