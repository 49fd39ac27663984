// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.testing.Eventually;
import dev.culvert.daemon.testing.GatewayYaml;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.PeerReading;
import dev.culvert.tunnel.engine.PeerState;
import java.net.ConnectException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The series of a gateway agree with its engine, its guard and its configuration. */
final class SeriesTest extends ObservedGateway {
  @Test
  void eachReasonForDropsIsThereFromTheStart() throws Exception {
    try (GatewayDaemon daemon = start()) {
      assertFalse(daemon.wasStopped());
      String scrape = scrape();
      for (DropReason reason : DropReason.values()) {
        String series =
            "culvert_drops_total{direction=\"%s\",interface=\"cv0\",reason=\"%s\"}"
                .formatted(reason.direction().label(), reason.label());
        assertEquals(reason == DropReason.BAD_TAG ? "3.0" : "0.0", value(scrape, series));
      }
    }
  }

  @Test
  void anOffloadThatIsNotInUseHasItsReason() throws Exception {
    try (GatewayDaemon daemon = start()) {
      assertFalse(daemon.wasStopped());
      String scrape = scrape();
      String kind = "culvert_offload_enabled{interface=\"cv0\",kind=\"";
      assertEquals("1.0", value(scrape, kind + "tun_tso\"}"));
      assertEquals("0.0", value(scrape, kind + "udp_gro\",reason=\"not_granted\"}"));
      assertEquals("0.0", value(scrape, kind + "udp_segmentation\",reason=\"kernel_gso_bug\"}"));
    }
  }

  @Test
  void peersHaveTheSeriesOfTheWireGuardExporter() throws Exception {
    try (GatewayDaemon daemon = start()) {
      Instant shaken = Instant.now().minusSeconds(100);
      tunnel()
          .peers(List.of(peer(A, PeerState.ESTABLISHED, shaken), peer(B, PeerState.NEVER, null)));
      String scrape = scrape();
      String a =
          "{allowed_ips=\"10.66.1.9/32,10.66.2.0/24\",friendly_name=\"a\",interface=\"cv0\","
              + "public_key=\""
              + A
              + "\"}";
      String b = "{allowed_ips=\"10.66.3.0/24\",interface=\"cv0\",public_key=\"" + B + "\"}";
      assertEquals("3.208804123E9", value(scrape, "wireguard_sent_bytes_total" + a));
      assertEquals("42.0", value(scrape, "wireguard_received_bytes_total" + a));
      assertEquals(
          (double) shaken.getEpochSecond(),
          Double.parseDouble(value(scrape, "wireguard_latest_handshake_seconds" + a)));
      assertEquals(
          100,
          Double.parseDouble(value(scrape, "wireguard_latest_handshake_delay_seconds" + a)),
          20);
      assertEquals("0.0", value(scrape, "wireguard_latest_handshake_seconds" + b));
      assertEquals("1.0", value(scrape, "culvert_peers{interface=\"cv0\",state=\"established\"}"));
      assertEquals("1.0", value(scrape, "culvert_peers{interface=\"cv0\",state=\"never\"}"));
      assertEquals("0.0", value(scrape, "culvert_peers{interface=\"cv0\",state=\"stale\"}"));
      tunnel().peers(List.of(peer(A, PeerState.STALE, shaken)));
      String without = scrape();
      assertFalse(without.contains(B), "a peer that is gone has no series");
      assertEquals("1.0", value(without, "culvert_peers{interface=\"cv0\",state=\"stale\"}"));
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void peersHaveTheSeriesOfOtherExportersIfTheConfigurationAsksForThem() throws Exception {
    try (GatewayDaemon daemon = start("compat: [calico, mdlayher]")) {
      Instant shaken = Instant.ofEpochSecond(1_750_000_000);
      tunnel()
          .peers(List.of(peer(A, PeerState.ESTABLISHED, shaken), peer(B, PeerState.NEVER, null)));
      String scrape = scrape();
      assertEquals(0, lines(scrape, "wireguard_sent_bytes_total"));
      String own = Files.readString(directory.resolve("private.key")).strip();
      assertFalse(scrape.contains(own));
      String calico =
          "\\{hostname=\"[^\"]+\",peer_endpoint=\"192.0.2.9:51820\",peer_key=\""
              + Pattern.quote(A)
              + "\",public_key=\"[^\"]{44}\"} ";
      assertSeries(scrape, "wireguard_bytes_sent" + calico + "3.208804123E9");
      assertSeries(scrape, "wireguard_bytes_rcvd" + calico + "42.0");
      assertSeries(scrape, "wireguard_latest_handshake_seconds" + calico + "1.75E9");
      assertSeries(
          scrape,
          "wireguard_meta\\{hostname=\"[^\"]+\",iface=\"cv0\",listen_port=\"[0-9]+\","
              + "public_key=\"[^\"]{44}\"} 1.0");
      assertSeries(scrape, "wireguard_device_info\\{device=\"cv0\",public_key=\"[^\"]{44}\"} 1");
      String mdlayher = "\\{device=\"cv0\",public_key=\"" + Pattern.quote(A) + "\"} ";
      assertSeries(scrape, "wireguard_peer_transmit_bytes_total" + mdlayher + "3.208804123E9");
      assertSeries(scrape, "wireguard_peer_receive_bytes_total" + mdlayher + "42.0");
      assertSeries(scrape, "wireguard_peer_last_handshake_seconds" + mdlayher + "1.75E9");
      assertSeries(
          scrape,
          "wireguard_peer_info\\{allowed_ips=\"10.66.1.9/32,10.66.2.0/24\",device=\"cv0\","
              + "endpoint=\"192.0.2.9:51820\",name=\"a\",public_key=\""
              + Pattern.quote(A)
              + "\"} 1");
      assertFalse(daemon.wasStopped());
    }
  }

  private static void assertSeries(String scrape, String pattern) {
    Pattern line = Pattern.compile("(?m)^" + pattern + "$");
    assertTrue(line.matcher(scrape).find(), () -> pattern + " in " + scrape);
  }

  @Test
  void manyPeersAreCountedButNotShownEach() throws Exception {
    try (GatewayDaemon daemon = start()) {
      List<PeerReading> many = new ArrayList<>();
      for (int i = 0; i < 257; i++) {
        many.add(peer("peer" + i, PeerState.IDLE, Instant.now()));
      }
      tunnel().peers(many.subList(0, 256));
      String each = scrape();
      assertEquals(256, lines(each, "wireguard_sent_bytes_total{"));
      assertEquals("0.0", value(each, "culvert_peers_truncated"));
      tunnel().peers(many);
      String sums = scrape();
      assertEquals(0, lines(sums, "wireguard_"));
      assertEquals("1.0", value(sums, "culvert_peers_truncated"));
      assertEquals("257.0", value(sums, "culvert_peers{interface=\"cv0\",state=\"idle\"}"));
      assertTrue(lines(sums, "culvert_") + lines(sums, "jvm_") + lines(sums, "process_") <= 300);
      write("perPeer: 'on'");
      daemon.reload();
      assertEquals(257, lines(scrape(), "wireguard_sent_bytes_total{"));
    }
  }

  private static long lines(String scrape, String beginning) {
    return scrape.lines().filter(line -> line.startsWith(beginning)).count();
  }

  @Test
  void inAClusterTheLabelHasTheNodesRangeAndNoSinglePods() throws Exception {
    GatewayYaml.of("cv0")
        .with("node: n1", "observability: {listen: '127.0.0.1:" + port + "'}")
        .with("identity: {privateKeyFile: " + directory.resolve("private.key") + "}")
        .nodes(
            GatewayYaml.entry("n1", "internal: [192.0.2.1]"),
            GatewayYaml.entry(
                "n2",
                "publicKey: " + A,
                "internal: [192.0.2.2]",
                "podCIDRs: [10.66.2.0/24, 10.66.9.7/32]"),
            GatewayYaml.entry(
                "n3", "publicKey: " + B, "internal: [192.0.2.3]", "podCIDRs: [10.66.9.8/32]"))
        .write(file);
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      tunnel()
          .peers(List.of(peer(A, PeerState.IDLE, Instant.now()), peer(B, PeerState.NEVER, null)));
      String scrape = scrape();
      assertEquals(
          "42.0",
          value(
              scrape,
              "wireguard_received_bytes_total{allowed_ips=\"10.66.2.0/24\",friendly_name=\"n2\""));
      assertEquals(
          "42.0",
          value(
              scrape,
              "wireguard_received_bytes_total{allowed_ips=\"192.0.2.3/32\",friendly_name=\"n3\""));
      assertEquals(
          "3.0", value(scrape, "culvert_cluster_nodes{interface=\"cv0\",source=\"static\"}"));
      assertEquals(
          "3.0", value(scrape, "culvert_cluster_endpoints{interface=\"cv0\",source=\"static\"}"));
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void theGuardIsCheckedAndItsPacketsAreAudited() throws Exception {
    network.count("unknown_out", 2);
    network.count("exempt_api_server_request_out", 5);
    try (GatewayDaemon daemon = start()) {
      String scrape = scrape();
      assertEquals(
          "1.0", value(scrape, "culvert_guard_present{family=\"ipv4\",interface=\"cv0\"}"));
      assertEquals(
          "0.0", value(scrape, "culvert_clear_seen_total{interface=\"cv0\",where=\"egress\"}"));
      assertEquals(
          "2.0",
          value(
              scrape,
              "culvert_audit_packets_total{interface=\"cv0\",outcome=\"dropped\",traffic=\"unclassified\""));
      assertEquals(
          "10.0",
          value(
              scrape,
              "culvert_audit_packets_total{interface=\"cv0\",outcome=\"encrypted\",traffic=\"unclassified\""));
      assertEquals(200, get("/readyz").statusCode());
      assertEquals(200, get("/startupz").statusCode());
      network.flushGuard();
      assertTrue(Eventually.holds(() -> status("/readyz") == 503), "nft is asked again");
      assertEquals("not ok\n", get("/readyz").body());
      assertTrue(get("/readyz?verbose").body().contains("[-] guard"));
      String without = scrape();
      assertEquals(
          "0.0", value(without, "culvert_guard_present{family=\"ipv6\",interface=\"cv0\"}"));
      assertEquals("0.0", value(without, "culvert_ready"));
      assertEquals("1.0", value(without, "culvert_live"));
      assertEquals(200, get("/startupz").statusCode(), "it has started");
      assertEquals(200, get("/livez").statusCode());
      assertFalse(daemon.wasStopped());
    }
  }

  @Test
  void aReloadThatIsRefusedShowsAndTheEndpointFollowsTheConfiguration() throws Exception {
    try (GatewayDaemon daemon = start()) {
      assertEquals("1.0", value(scrape(), "culvert_config_last_reload_successful"));
      String good = Files.readString(file);
      Files.writeString(file, "nonsense: 1");
      assertThrows(ConfigException.class, daemon::reload);
      assertEquals("0.0", value(scrape(), "culvert_config_last_reload_successful"));
      Files.writeString(file, good.replaceAll("(?m)^ *observability:.*\n", ""));
      daemon.reload();
      assertThrows(ConnectException.class, () -> get("/metrics"));
      Files.writeString(file, good);
      daemon.reload();
      assertEquals("1.0", value(scrape(), "culvert_config_last_reload_successful"));
    }
  }

  @Test
  void aFileOfNodesThatIsRefusedShowsUntilItIsMended() throws Exception {
    Path nodes = directory.resolve("nodes.yaml");
    String good =
        GatewayYaml.nodesFile(
            GatewayYaml.entry("n1", "internal: [192.0.2.1]"),
            GatewayYaml.entry(
                "n2", "publicKey: " + A, "internal: [192.0.2.2]", "podCIDRs: [10.66.2.0/24]"));
    Files.writeString(nodes, good);
    GatewayYaml.of("cv0")
        .with("node: n1", "observability: {listen: '127.0.0.1:" + port + "'}")
        .with("identity: {privateKeyFile: " + directory.resolve("private.key") + "}")
        .with("discovery: {file: " + nodes + "}")
        .write(file);
    String applied = "culvert_cluster_apply_seconds_count{interface=\"cv0\",source=\"static\"}";
    try (GatewayDaemon daemon = GatewayDaemon.start(file, machine)) {
      assertEquals("1.0", value(scrape(), "culvert_config_last_reload_successful"));
      assertEquals("0", value(scrape(), applied));
      Files.writeString(nodes, "nodes: 7\n");
      awaitValue("0.0", "culvert_config_last_reload_successful");
      assertThrows(ConfigException.class, daemon::reload);
      Files.writeString(nodes, good.replace("10.66.2.0", "10.66.4.0"));
      awaitValue("1", applied);
      assertEquals(
          "0.0",
          value(scrape(), "culvert_config_last_reload_successful"),
          "the reload was refused, and nobody has repeated it");
      daemon.reload();
      assertEquals("1.0", value(scrape(), "culvert_config_last_reload_successful"));
      Files.writeString(nodes, "nodes: 7\n");
      awaitValue("0.0", "culvert_config_last_reload_successful");
      Files.writeString(nodes, good);
      awaitValue("1.0", "culvert_config_last_reload_successful");
    }
  }

  private String valueNow(String series) {
    try {
      return value(scrape(), series);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private void awaitValue(String expected, String series) throws Exception {
    assertTrue(Eventually.holds(() -> expected.equals(valueNow(series))), series);
  }
}
