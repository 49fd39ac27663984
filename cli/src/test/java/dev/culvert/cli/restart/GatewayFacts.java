// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.restart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.TestPrometheus;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.PeerView;
import dev.culvert.lab.LabGateway;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Namespace;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Everything about a gateway that a hand-over leaves as it is.
 *
 * @param kernel interface, addresses, routes, rules and guard
 * @param lastHandshake seconds since 1970
 * @param counters by name, which never fall
 */
record GatewayFacts(String kernel, @Nullable Long lastHandshake, Map<String, Double> counters) {
  /** The youngest keys that WireGuard renews, in seconds. */
  private static final long RENEWAL = 110;

  /** Series of the process, which is another one afterwards. */
  private static final Set<String> OF_PROCESS = Set.of("process", "jvm");

  /**
   * Reads the facts of a gateway that runs.
   *
   * @param observed whether it has metrics on its loopback interface
   */
  static GatewayFacts of(LabSite site, boolean observed) {
    GatewayView view = LabGateway.status(site).orElseThrow();
    Map<String, Double> counters = new LinkedHashMap<>();
    GatewayView.TrafficView traffic = Objects.requireNonNull(view.traffic());
    traffic.counters().forEach((name, value) -> counters.put("status " + name, (double) value));
    traffic.drops().forEach((name, value) -> counters.put("status drop " + name, (double) value));
    for (PeerView peer : view.peers()) {
      counters.put("status sent to " + peer.label(), (double) peer.txBytes());
      counters.put("status received from " + peer.label(), (double) peer.rxBytes());
    }
    if (view.engine().equals("wireguard")) {
      counters.putAll(transfer(site.node(), site.interfaceName()));
    }
    if (observed) {
      counters.putAll(metrics(site.node()));
    }
    return new GatewayFacts(kernel(site), view.peers().getFirst().lastHandshake(), counters);
  }

  /** The bytes of {@code wg show transfer}. */
  static Map<String, Double> transfer(Namespace node, String device) {
    Map<String, Double> bytes = new LinkedHashMap<>();
    node.run("wg", "show", device, "transfer")
        .out()
        .lines()
        .map(line -> line.split("\t", -1))
        .forEach(
            fields -> {
              bytes.put("wg received " + fields[0], Double.valueOf(fields[1]));
              bytes.put("wg sent " + fields[0], Double.valueOf(fields[2]));
            });
    return bytes;
  }

  private static String kernel(LabSite site) {
    Namespace node = site.node();
    String device = site.interfaceName();
    return String.join(
        "\n",
        node.run("cat", "/sys/class/net/" + device + "/ifindex").out().strip(),
        node.ip("-o", "address", "show", "dev", device).out(),
        node.ip("-4", "route", "show", "table", "all").out(),
        node.ip("-6", "route", "show", "table", "all").out(),
        node.ip("-4", "rule").out(),
        node.ip("-6", "rule").out(),
        node.run("nft", "-s", "list", "ruleset").out());
  }

  /** The counters of the gateway's metrics, each with its labels. */
  static Map<String, Double> metrics(Namespace node) {
    String text =
        node.run("curl", "-sS", "http://127.0.0.1:" + TestPrometheus.METRICS_PORT + "/metrics")
            .out();
    Set<String> names = new HashSet<>();
    Map<String, Double> values = new LinkedHashMap<>();
    for (String line : text.lines().toList()) {
      String[] words = line.split(" ", -1);
      if (line.startsWith("# TYPE ") && words[3].equals("counter")) {
        names.add(words[2]);
      } else if (!line.startsWith("#") && names.contains(line.split("[{ ]", 2)[0])) {
        int end = line.lastIndexOf(' ');
        values.put(line.substring(0, end), Double.valueOf(line.substring(end + 1)));
      }
    }
    return values;
  }

  /** This is the same gateway as before, and no handshake came before its time. */
  void assertContinues(GatewayFacts before) {
    assertEquals(before.kernel, kernel);
    assertNoHandshakeSince(before);
    assertNoCounterFell(before.counters, counters);
  }

  /** No handshake came before its time. */
  void assertNoHandshakeSince(GatewayFacts before) {
    Long handshake = before.lastHandshake;
    Long last = lastHandshake;
    if (handshake != null) {
      // The time of ESP's keys is told from their age, to the second.
      assertTrue(
          last != null && (Math.abs(last - handshake) <= 1 || last >= handshake + RENEWAL),
          () -> "a handshake at " + last + " after that at " + handshake);
    }
  }

  static void assertNoCounterFell(Map<String, Double> before, Map<String, Double> after) {
    before.forEach(
        (name, value) -> {
          if (OF_PROCESS.stream().noneMatch(name::startsWith)) {
            Double now = after.get(name);
            assertTrue(now != null && now >= value, () -> name + " was " + value + ", is " + now);
          }
        });
  }
}
