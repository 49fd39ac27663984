// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A gateway at one moment, as its page and {@code culvert top} show it. Holds no secret.
 *
 * @param at the wall time, in seconds since 1970
 * @param since when its process started, in seconds since 1970
 * @param sent packets that went into the tunnel, without outer headers
 * @param received packets that came out of it
 * @param traffic packets between nodes by class; empty without a guard
 * @param drops packets that were dropped since the start; zeros left out, the most frequent first
 * @param exemptions in the order of the configuration
 * @param keys null except for ESP
 * @param controlPlane null if the nodes do not come from the Kubernetes API
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record OverviewView(
    String interfaceName,
    String engine,
    String version,
    double at,
    double since,
    Verdict verdict,
    Flow sent,
    Flow received,
    List<Peer> peers,
    List<TrafficRow> traffic,
    List<Drop> drops,
    List<ExemptionRow> exemptions,
    List<Lane> lanes,
    @Nullable Keys keys,
    @Nullable ControlPlaneView controlPlane) {
  public OverviewView {
    peers = List.copyOf(peers);
    traffic = List.copyOf(traffic);
    drops = List.copyOf(drops);
    exemptions = List.copyOf(exemptions);
    lanes = List.copyOf(lanes);
  }

  /** How well this node's traffic is protected. */
  public enum Level {
    /** All that should be encrypted is encrypted or dropped. */
    GOOD,
    /** The same, but somebody should look. */
    WARN,
    /** Packets are, or may be, in clear; or none pass. */
    BAD
  }

  /**
   * The answer to "is all well?".
   *
   * @param text one sentence
   * @param remarks the reasons, each a sentence
   */
  public record Verdict(Level level, String text, List<String> remarks) {
    public Verdict {
      remarks = List.copyOf(remarks);
    }
  }

  /** An amount of packets. */
  public record Amount(long packets, long bytes) {}

  /**
   * Packets in one direction of the tunnel.
   *
   * @param trains batches in which they were handed over
   */
  public record Flow(long packets, long bytes, long trains) {
    /** The mean number of packets per batch; 0 before the first. */
    public double meanTrain() {
      return trains == 0 ? 0 : (double) packets / trains;
    }
  }

  /**
   * A peer.
   *
   * @param name as configured, or the key
   * @param endpoint null while unknown
   * @param state as {@code culvert_peers} names it
   * @param lastHandshake in seconds since 1970; null before the first, and for keys without
   *     handshakes
   * @param allowedIps the ranges that it may send from, separated by commas
   */
  public record Peer(
      String name,
      @Nullable String endpoint,
      String state,
      @Nullable Long lastHandshake,
      long txBytes,
      long rxBytes,
      String allowedIps) {}

  /**
   * Packets between nodes of one class.
   *
   * @param traffic as {@code culvert_audit_packets_total} names it
   */
  public record TrafficRow(
      String traffic, Amount encrypted, Amount exempt, Amount dropped, Amount clear) {}

  /**
   * Dropped packets.
   *
   * @param direction {@code in}, {@code out} or {@code either}
   */
  public record Drop(String reason, String direction, long packets) {}

  /**
   * Traffic that may leave in clear.
   *
   * @param ports such as {@code tcp 2379-2380}
   * @param servers the nodes that listen
   */
  public record ExemptionRow(String name, String ports, String servers, Amount passed) {}

  /**
   * A packet-moving thread.
   *
   * @param busy share of one processor; null while that is not known
   * @param silentSeconds for which it has not answered; 0 if it does
   */
  public record Lane(int index, @Nullable Double busy, double silentSeconds) {}

  /**
   * Security associations.
   *
   * @param mostUsed the largest share of sequence numbers that one has spent, 0 to 1
   * @param published id of the global key that this node publishes; null with other keyings
   * @param rotating the peers that do not send under that key yet
   */
  public record Keys(
      int outbound, int inbound, double mostUsed, @Nullable Long published, List<String> rotating) {
    public Keys {
      rotating = List.copyOf(rotating);
    }
  }
}
