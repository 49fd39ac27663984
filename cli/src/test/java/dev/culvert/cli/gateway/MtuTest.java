// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.gateway;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.cli.kit.Requirements;
import dev.culvert.cli.kit.TestCluster;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.lab.LabEngine;
import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Crowd;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The tunnel's MTU follows the wire's while the gateway runs, and senders learn of it. */
@Tag("integration")
final class MtuTest {
  private static final int IPV4 = 20;
  private static final int IPV6 = 40;
  private static final int ICMP = 8;

  private TestCluster cluster;
  private LabSite here;
  private LabSite there;

  @BeforeEach
  void start() throws IOException {
    Requirements.namespaces();
    cluster = new TestCluster(LabEngine.WIREGUARD);
    cluster.start();
    here = cluster.site(1);
    there = cluster.site(2);
    assertTrue(cluster.podsReachEachOther(), cluster::state);
  }

  @AfterEach
  void remove() {
    cluster.close();
  }

  @Test
  void sendersLearnTheMtuOfTheWireAsItChanges() {
    awaitMtu(1440);
    wire(1400);
    awaitMtu(1340);
    for (Namespace sender : new Namespace[] {here.pod(), here.node()}) {
      assertTooBig(sender, there.podAddress(), 1341 - IPV4 - ICMP, 1340);
      assertTooBig(sender, there.podAddressV6(), 1341 - IPV6 - ICMP, 1340);
      assertPasses(sender, there.podAddress(), 1340 - IPV4 - ICMP);
      assertPasses(sender, there.podAddressV6(), 1340 - IPV6 - ICMP);
    }
    wire(1500);
    awaitMtu(1440);
    for (Namespace sender : new Namespace[] {here.pod(), here.node()}) {
      sender.ip("route", "flush", "cache");
      sender.ip("-6", "route", "flush", "cache");
      assertPasses(sender, there.podAddress(), 1440 - IPV4 - ICMP);
      assertPasses(sender, there.podAddressV6(), 1440 - IPV6 - ICMP);
    }
  }

  @Test
  void underTheLeastOfIpv6ItIsSaidAndIpv4GoesOn() {
    wire(1300);
    awaitMtu(1240);
    String said = "the tunnel's MTU of 1240 is too small for IPv6";
    assertTrue(
        Waiting.until(
            Commands.PATIENCE,
            () -> cluster.gateways.get(1).daemon().output().contains("IPv6 goes no more: " + said)),
        cluster::state);
    assertTooBig(here.pod(), there.podAddress(), 1241 - IPV4 - ICMP, 1240);
    assertPasses(here.pod(), there.podAddress(), 1240 - IPV4 - ICMP);
    assertFalse(TestCluster.pings(here.pod(), there.podAddressV6()), "nor does it leave in clear");
    wire(1500);
    awaitMtu(1440);
    assertTrue(
        Waiting.until(Commands.PATIENCE, () -> TestCluster.pings(here.pod(), there.podAddressV6())),
        cluster::state);
  }

  private void wire(int mtu) {
    for (LabSite end : List.of(here, there)) {
      end.node().ip("link", "set", LabSite.WIRE_DEVICE, "mtu", Integer.toString(mtu));
    }
  }

  /** The device has it, and so do the routes into it. */
  private void awaitMtu(int mtu) {
    assertTrue(Waiting.until(Commands.PATIENCE, () -> has(1, mtu) && has(2, mtu)), cluster::state);
  }

  private boolean has(int node, int mtu) {
    LabSite site = cluster.site(node);
    String link = site.node().ip("link", "show", site.interfaceName()).out();
    String routes = site.node().ip("route", "show", "table", "all").out();
    return link.contains(" mtu " + mtu + " ")
        && Pattern.compile("dev " + site.interfaceName() + " .*mtu " + mtu + "\\b")
            .matcher(routes)
            .find()
        && cluster
            .gateways
            .get(node)
            .status()
            .map(GatewayView::traffic)
            .filter(traffic -> traffic.mtu() == mtu)
            .isPresent();
  }

  private static Commands.Result ping(Namespace from, String address, int payload) {
    return from.attempt(
        "ping",
        "-n",
        "-c",
        "1",
        "-W",
        Crowd.seconds(2),
        "-M",
        "do",
        "-s",
        Integer.toString(payload),
        address);
  }

  private static void assertTooBig(Namespace from, String address, int payload, int mtu) {
    Commands.Result result = ping(from, address, payload);
    String said = result.out() + result.err();
    assertFalse(result.succeeded(), said);
    assertTrue(Pattern.compile("mtu ?[=:] ?" + mtu + "\\b").matcher(said).find(), said);
  }

  private void assertPasses(Namespace from, String address, int payload) {
    Commands.Result result = ping(from, address, payload);
    assertTrue(result.succeeded(), () -> result.out() + result.err() + cluster.state());
  }
}
