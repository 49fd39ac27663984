// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.top;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.admin.OverviewView;
import dev.culvert.daemon.admin.OverviewView.Amount;
import dev.culvert.daemon.admin.OverviewView.Drop;
import dev.culvert.daemon.admin.OverviewView.Flow;
import dev.culvert.daemon.admin.OverviewView.Lane;
import dev.culvert.daemon.admin.OverviewView.Level;
import dev.culvert.daemon.admin.OverviewView.Peer;
import dev.culvert.daemon.admin.OverviewView.TrafficRow;
import dev.culvert.daemon.admin.OverviewView.Verdict;
import dev.culvert.daemon.admin.PeerRates;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** A picture fits the terminal, and orders the peers as the pressed key says. */
final class TopFrameTest {
  private static final Terminal.Size SMALL = new Terminal.Size(24, 80);

  private static OverviewView view(double at, long bytes, long ofA, long ofB) {
    Amount none = new Amount(0, 0);
    return new OverviewView(
        "culvert0",
        "wireguard",
        "1.0",
        at,
        1_000,
        new Verdict(
            Level.GOOD, "All is encrypted.", List.of("Exempt: 1 rule, 0.0 % of all bytes.")),
        new Flow(100, bytes, 10),
        new Flow(200, 2 * bytes, 10),
        List.of(
            new Peer("node-a", "192.0.2.1:51820", "established", 1_000L, ofA, 0, "10.1.0.0/24"),
            new Peer("node-b\033[2J", "192.0.2.2:51820", "stale", 900L, ofB, 0, "10.2.0.0/24")),
        List.of(new TrafficRow("pod_pod", new Amount(7, 700), none, none, none)),
        List.of(new Drop("bad_tag", "in", 1_234)),
        List.of(),
        List.of(new Lane(0, 0.125, 0), new Lane(1, null, 4)),
        null,
        null);
  }

  private static List<String> lines(TopFrame.Sort sort, Terminal.Size size) {
    PeerRates rates = new PeerRates();
    OverviewView before = view(1_060, 1_000, 0, 0);
    rates.at(before);
    OverviewView now = view(1_062, 251_000, 1_000, 250_000);
    return new TopFrame(now, before, rates.at(now), sort, size).lines();
  }

  @Test
  void aPictureOfAQuarterOfAMinute() {
    assertEquals(
        """
        culvert0  wireguard  GOOD  process up 62 s
        All is encrypted.
          Exempt: 1 rule, 0.0 % of all bytes.
        sent      1.0 Mbit/s, 100 packets, 245.1 KiB, 10.0 per batch
        received  2.0 Mbit/s, 200 packets, 490.2 KiB, 20.0 per batch
        lanes     0: 12.5 %  1: silent for 4 s
        pod to pod 7 encrypted, 0 exempt, 0 dropped, 0 in clear
        drops     bad_tag 1,234

        PEER                      STATE        HANDSHAKE              SENT      RECEIVED
        node-b?[2J                stale        2 min ago        1.0 Mbit/s       0 bit/s
        node-a                    established  62 s ago         4.0 kbit/s       0 bit/s
        """,
        String.join("\n", lines(TopFrame.Sort.RATE, SMALL)) + "\n");
  }

  @Test
  void theKeyChoosesTheOrder() {
    assertTrue(lines(TopFrame.Sort.NAME, SMALL).getLast().startsWith("node-b"));
    assertTrue(lines(TopFrame.Sort.RATE, SMALL).getLast().startsWith("node-a"));
    assertTrue(lines(TopFrame.Sort.AGE, SMALL).getLast().startsWith("node-a"));
    assertEquals(TopFrame.Sort.AGE, TopFrame.Sort.RATE.by('a'));
    assertEquals(TopFrame.Sort.RATE, TopFrame.Sort.RATE.by('x'));
  }

  @Test
  void aPictureFitsTheTerminal() {
    for (Terminal.Size size :
        List.of(new Terminal.Size(10, 40), SMALL, new Terminal.Size(60, 200))) {
      List<String> lines = lines(TopFrame.Sort.RATE, size);
      assertTrue(lines.size() < size.rows(), () -> lines.size() + " lines in " + size);
      assertTrue(lines.stream().allMatch(line -> line.length() <= size.columns()), size::toString);
    }
  }

  @Test
  void theFirstPictureHasNoRates() {
    OverviewView now = view(1_060, 1_000, 0, 0);
    List<String> lines = new TopFrame(now, null, Map.of(), TopFrame.Sort.RATE, SMALL).lines();
    assertEquals(
        2,
        Stream.of("sent", "received")
            .filter(
                name -> lines.stream().anyMatch(l -> l.startsWith(name) && l.contains(" 0 bit/s,")))
            .count());
  }
}
