// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import java.util.List;

/**
 * The families of metrics, each with its name as readers see it. Dashboards depend on the names:
 * they are declared here and nowhere else. {@code docs/metrics.md} is made from this list.
 */
enum Metric {
  BUILD(
      Type.INFO,
      "culvert_build_info",
      "Always 1; the labels say which program runs.",
      "interface",
      "version",
      "java_version",
      "engine",
      "cipher"),
  READY(Type.GAUGE, "culvert_ready", "Whether /readyz answers 200.", "interface"),
  LIVE(Type.GAUGE, "culvert_live", "Whether /livez answers 200.", "interface"),
  RELOAD_SUCCESSFUL(
      Type.GAUGE,
      "culvert_config_last_reload_successful",
      "Whether the configuration was accepted when it was last read.",
      "interface"),
  RELOAD_SUCCESS_TIME(
      Type.GAUGE,
      "culvert_config_last_reload_success_timestamp_seconds",
      "When a configuration was last accepted, in seconds since 1970.",
      "interface"),
  HANDOVERS(
      Type.COUNTER,
      "culvert_handover_total",
      "Hand-overs of the gateway to another process: ok if its sessions continued, fresh if there"
          + " were new handshakes, failed if the former process went on.",
      "interface",
      "result"),
  HANDOVER_GAP(
      Type.GAUGE,
      "culvert_handover_gap_seconds",
      "The time for which no packet moved in the last hand-over.",
      "interface"),
  LOG_SUPPRESSED(
      Type.COUNTER,
      "culvert_log_suppressed_total",
      "Lines of the log that were left out, because one event and peer caused too many.",
      "interface"),
  MTU(Type.GAUGE, "culvert_mtu_bytes", "The MTU of the tunnel interface.", "interface", "which"),
  OFFLOAD(
      Type.GAUGE,
      "culvert_offload_enabled",
      "Whether an offload of the kernel is in use, and the reason if not: configured, not_granted,"
          + " or kernel_gso_bug (trains are lost, so packets are sent one by one).",
      "interface",
      "kind",
      "reason"),
  LANE_BUSY(
      Type.GAUGE,
      "culvert_lane_busy_ratio",
      "Share of one processor that a lane's thread used since it was last looked at, at least 5 s"
          + " before.",
      "interface",
      "lane"),
  LANE_TICK(
      Type.GAUGE,
      "culvert_lane_tick_age_seconds",
      "Seconds for which a lane's thread has not answered; 0 if it answers.",
      "interface",
      "lane"),
  QUEUE(
      Type.GAUGE,
      "culvert_queue_packets",
      "Packets that wait for keys (staging), or messages that wait for the control thread"
          + " (handshake).",
      "interface",
      "queue"),
  PEERS(Type.GAUGE, "culvert_peers", "Peers by state.", "interface", "state"),
  PEERS_TRUNCATED(
      Type.GAUGE,
      "culvert_peers_truncated",
      "1 if there are too many peers for series of each.",
      "interface"),
  HANDSHAKE_AGE(
      Type.GAUGE_HISTOGRAM,
      "culvert_peer_handshake_age_seconds",
      "Peers by the age of their keys now: a gauge histogram, whose buckets fall too.",
      "interface"),
  HANDSHAKES(
      Type.COUNTER,
      "culvert_handshakes_total",
      "Handshakes that ended, and handshake messages of others that this node refused (role"
          + " responder).",
      "interface",
      "role",
      "result"),
  SENT_BYTES(
      Type.COUNTER,
      "wireguard_sent_bytes_total",
      "Bytes sent to the peer",
      "interface",
      "public_key",
      "allowed_ips",
      "friendly_name"),
  RECEIVED_BYTES(
      Type.COUNTER,
      "wireguard_received_bytes_total",
      "Bytes received from the peer",
      "interface",
      "public_key",
      "allowed_ips",
      "friendly_name"),
  LATEST_HANDSHAKE(
      Type.GAUGE,
      "wireguard_latest_handshake_seconds",
      "UNIX timestamp seconds of the last handshake",
      "interface",
      "public_key",
      "allowed_ips",
      "friendly_name"),
  LATEST_HANDSHAKE_DELAY(
      Type.GAUGE,
      "wireguard_latest_handshake_delay_seconds",
      "Seconds from the last handshake",
      "interface",
      "public_key",
      "allowed_ips",
      "friendly_name"),
  CALICO_META(
      Type.GAUGE,
      "wireguard_meta",
      "wireguard interface and runtime metadata",
      "hostname",
      "public_key",
      "iface",
      "listen_port"),
  CALICO_SENT(
      Type.UNTYPED,
      "wireguard_bytes_sent",
      "wireguard interface outgoing bytes count to peer",
      "hostname",
      "public_key",
      "peer_key",
      "peer_endpoint"),
  CALICO_RECEIVED(
      Type.UNTYPED,
      "wireguard_bytes_rcvd",
      "wireguard interface incoming bytes count from peer",
      "hostname",
      "public_key",
      "peer_key",
      "peer_endpoint"),
  CALICO_HANDSHAKE(
      Type.GAUGE,
      "wireguard_latest_handshake_seconds",
      "wireguard interface latest handshake unix timestamp in seconds to a peer",
      "hostname",
      "public_key",
      "peer_key",
      "peer_endpoint"),
  DEVICE_INFO(
      Type.INFO, "wireguard_device_info", "Metadata about a device.", "device", "public_key"),
  PEER_INFO(
      Type.INFO,
      "wireguard_peer_info",
      "Metadata about a peer. The public_key label on peer metrics refers to the peer's public key;"
          + " not the device's public key.",
      "device",
      "public_key",
      "allowed_ips",
      "endpoint",
      "name"),
  PEER_RECEIVED(
      Type.COUNTER,
      "wireguard_peer_receive_bytes_total",
      "Number of bytes received from a given peer.",
      "device",
      "public_key"),
  PEER_SENT(
      Type.COUNTER,
      "wireguard_peer_transmit_bytes_total",
      "Number of bytes transmitted to a given peer.",
      "device",
      "public_key"),
  PEER_HANDSHAKE(
      Type.GAUGE,
      "wireguard_peer_last_handshake_seconds",
      "UNIX timestamp for the last handshake with a given peer.",
      "device",
      "public_key"),
  PACKETS(
      Type.COUNTER,
      "culvert_packets_total",
      "Packets that the lanes encrypted and sent, or decrypted and delivered.",
      "interface",
      "direction",
      "layer"),
  BYTES(
      Type.COUNTER,
      "culvert_bytes_total",
      "Their bytes: as packets inside the tunnel (inner), and as datagrams on the wire without"
          + " outer headers, with handshakes and keepalives (outer).",
      "interface",
      "direction",
      "layer"),
  TRAIN_PACKETS(
      Type.SUMMARY,
      "culvert_train_packets",
      "Packets per train; the sum divided by the count is the mean, which tells how well the"
          + " kernel's offloads work.",
      "interface",
      "direction"),
  DROPS(
      Type.COUNTER,
      "culvert_drops_total",
      "Packets that the gateway dropped, by reason: docs/commands.md explains each.",
      "interface",
      "direction",
      "reason"),
  AUDIT_PACKETS(
      Type.COUNTER,
      "culvert_audit_packets_total",
      "Packets between nodes of the cluster, by outcome.",
      "interface",
      "traffic",
      "outcome"),
  AUDIT_BYTES(
      Type.COUNTER,
      "culvert_audit_bytes_total",
      "Bytes of these packets.",
      "interface",
      "traffic",
      "outcome"),
  EXEMPTION_BYTES(
      Type.COUNTER,
      "culvert_exemption_bytes_total",
      "Bytes that an exemption let pass in clear.",
      "interface",
      "rule"),
  CLEAR_SEEN(
      Type.COUNTER,
      "culvert_clear_seen_total",
      "Packets that crossed the underlay in clear without an exemption; the guard counts them while"
          + " no gateway runs too.",
      "interface",
      "where"),
  GUARD_PRESENT(
      Type.GAUGE,
      "culvert_guard_present",
      "Whether nft answered that the guard stands; 0 if it does not answer. One table guards both"
          + " families.",
      "interface",
      "family"),
  RULES_REPAIRED(
      Type.COUNTER,
      "culvert_rules_repaired_total",
      "Entries of the kernel that were repaired after another program had changed them: routes,"
          + " rules, addresses and settings (routing), or the guard (nft).",
      "interface",
      "kind"),
  SA_SEQUENCE_USED(
      Type.GAUGE,
      "culvert_sa_sequence_used_ratio",
      "The share of the sequence numbers that the most used security association has spent.",
      "interface"),
  SAS(Type.GAUGE, "culvert_sas", "Security associations.", "interface", "direction"),
  KEY_EPOCH(
      Type.GAUGE,
      "culvert_key_epoch",
      "Id of the global ESP key that this node publishes.",
      "interface"),
  KEY_ROTATION(
      Type.GAUGE,
      "culvert_key_rotation_in_progress",
      "Whether a peer does not send under the published key yet.",
      "interface"),
  KEYS(Type.GAUGE, "culvert_keys", "Global ESP keys that this node has.", "interface"),
  KEY_CREATED(
      Type.GAUGE,
      "culvert_key_created_timestamp_seconds",
      "When the global ESP key file last changed, in seconds since 1970.",
      "interface"),
  CERTIFICATE_EXPIRY(
      Type.GAUGE,
      "culvert_certificate_expiry_timestamp_seconds",
      "When a certificate of this node expires, in seconds since 1970.",
      "use"),
  CLUSTER_SYNC(
      Type.GAUGE,
      "culvert_cluster_last_sync_timestamp_seconds",
      "When the control plane last said something, in seconds since 1970.",
      "interface",
      "source"),
  CLUSTER_NODES(
      Type.GAUGE,
      "culvert_cluster_nodes",
      "Nodes of the cluster that are in force, this one included.",
      "interface",
      "source"),
  CLUSTER_ENDPOINTS(
      Type.GAUGE,
      "culvert_cluster_endpoints",
      "Ranges and single addresses of pods by which packets find their node.",
      "interface",
      "source"),
  CLUSTER_APPLY(
      Type.SUMMARY,
      "culvert_cluster_apply_seconds",
      "The time from reading changed nodes until they are in force, and how often that happened.",
      "interface",
      "source"),
  CLUSTER_FAILURES(
      Type.COUNTER,
      "culvert_cluster_failures_total",
      "Requests to the control plane and streams from it that failed.",
      "interface",
      "source");

  /** The types of OpenMetrics that are used here. */
  enum Type {
    COUNTER("counter"),
    GAUGE("gauge"),
    GAUGE_HISTOGRAM("gauge histogram"),
    SUMMARY("summary"),
    UNTYPED("untyped"),
    INFO("info");

    private final String text;

    Type(String text) {
      this.text = text;
    }

    String text() {
      return text;
    }
  }

  private final Type type;
  private final String text;
  private final String help;

  @SuppressWarnings("ImmutableEnumChecker") // List.of makes one that does not change.
  private final List<String> labels;

  Metric(Type type, String text, String help, String... labels) {
    this.type = type;
    this.text = text;
    this.help = help;
    this.labels = List.of(labels);
  }

  Type type() {
    return type;
  }

  /** The name as readers see it. */
  String text() {
    return text;
  }

  String help() {
    return help;
  }

  /** The names of the labels, in the order in which values are given. */
  List<String> labels() {
    return labels;
  }
}
