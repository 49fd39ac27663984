// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.net.Capture;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Marked packets on many ways at once, which a capture of the wire looks for. */
public final class Floods {
  private final TestCluster cluster;
  private final List<Stream> streams;

  /** One way over one family, with a marker of its own. */
  public record Stream(Way way, boolean v4, String marker) {
    Daemon flood(TestCluster cluster, int perSecond) {
      return way.flood(cluster, v4, marker, perSecond);
    }

    @Override
    public String toString() {
      return way.name() + (v4 ? ", IPv4" : ", IPv6");
    }
  }

  /**
   * Packets of one stream, by their fate.
   *
   * @param sent that the sender's kernel took
   * @param refused by the sender's own kernel
   * @param seen in clear on the wire
   */
  public record Outcome(Stream stream, long sent, long refused, long seen) {
    public long tried() {
      return sent + refused;
    }
  }

  /** Streams of all ways, in both families. */
  public Floods(TestCluster cluster, List<Way> ways) {
    this.cluster = cluster;
    List<Stream> all = new ArrayList<>();
    for (Way way : ways) {
      for (boolean v4 : new boolean[] {true, false}) {
        all.add(new Stream(way, v4, "never-in-clear%02d".formatted(all.size())));
      }
    }
    streams = List.copyOf(all);
  }

  /** The markers of a way. */
  public List<String> markers(Way way) {
    return streams.stream().filter(s -> s.way().equals(way)).map(Stream::marker).toList();
  }

  /**
   * Sends on all ways while something is done, and counts the markers on the wire.
   *
   * @param perSecond packets of each stream
   * @param meanwhile gets the capture that sees the wire
   */
  public List<Outcome> flood(int perSecond, Consumer<Capture> meanwhile) {
    List<String> markers = streams.stream().map(Stream::marker).toList();
    try (Capture capture =
        Capture.startOfMany(cluster.network.wire, LabNetwork.BRIDGE, markers, packet -> {})) {
      List<Daemon> floods = streams.stream().map(s -> s.flood(cluster, perSecond)).toList();
      floods.forEach(flood -> flood.awaitOutput("flooding"));
      meanwhile.accept(capture);
      floods.forEach(flood -> flood.signal("TERM"));
      floods.forEach(flood -> assertEquals(0, flood.awaitEnd(Commands.PATIENCE), flood::output));
      assertEquals(0, capture.stop(), "packets that the capture lost");
      List<Outcome> outcomes = new ArrayList<>();
      for (int i = 0; i < streams.size(); i++) {
        Stream stream = streams.get(i);
        outcomes.add(
            new Outcome(
                stream,
                count(floods.get(i), "sent "),
                count(floods.get(i), "refused "),
                capture.seen(stream.marker())));
      }
      return outcomes;
    }
  }

  private static long count(Daemon flood, String prefix) {
    return Long.parseLong(flood.awaitLine(prefix));
  }

  /**
   * Prints a line per stream: seen and tried without gateways, then through the faults with those
   * that the sender's kernel refused, then without guard and rules.
   */
  public static void print(List<Outcome> before, List<Outcome> through, List<Outcome> after) {
    System.out.println("seen/tried: without gateways, through the faults (refused), guard gone");
    for (int i = 0; i < through.size(); i++) {
      Outcome outcome = through.get(i);
      System.out.printf(
          "%-48s %5d/%-5d %5d/%-7d (%d) %5d/%-5d%n",
          outcome.stream(),
          before.get(i).seen(),
          before.get(i).tried(),
          outcome.seen(),
          outcome.tried(),
          outcome.refused(),
          after.get(i).seen(),
          after.get(i).tried());
    }
  }
}
