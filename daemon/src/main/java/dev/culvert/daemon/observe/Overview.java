// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import dev.culvert.daemon.admin.EspView.PairView;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.admin.OverviewView;
import dev.culvert.daemon.admin.OverviewView.Amount;
import dev.culvert.daemon.admin.OverviewView.Drop;
import dev.culvert.daemon.admin.OverviewView.ExemptionRow;
import dev.culvert.daemon.admin.OverviewView.Flow;
import dev.culvert.daemon.admin.OverviewView.Keys;
import dev.culvert.daemon.admin.OverviewView.Lane;
import dev.culvert.daemon.admin.OverviewView.Peer;
import dev.culvert.daemon.admin.OverviewView.TrafficRow;
import dev.culvert.daemon.config.EngineConfig;
import dev.culvert.daemon.steer.GuardReading;
import dev.culvert.daemon.steer.GuardReading.Sum;
import dev.culvert.routing.Exemption;
import dev.culvert.routing.IpProtocol;
import dev.culvert.routing.NodeSelector;
import dev.culvert.routing.PortRange;
import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.engine.PeerReading;
import dev.culvert.tunnel.gateway.GatewayStatus;
import dev.culvert.tunnel.lane.LaneCounter;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Makes the view of a gateway for people out of a reading. */
public final class Overview {
  /** This process runs one gateway. */
  private static final double STARTED =
      ProcessHandle.current().info().startInstant().orElseGet(Instant::now).toEpochMilli() / 1e3;

  private Overview() {}

  /** The view. */
  public static OverviewView of(Reading reading) {
    GatewayStatus status = reading.status();
    return new OverviewView(
        reading.config().interfaceName(),
        reading.config().engine() instanceof EngineConfig.WireGuard
            ? GatewayView.WIREGUARD
            : GatewayView.ESP,
        reading.version(),
        reading.at(),
        STARTED,
        Verdicts.of(reading),
        new Flow(
            status.count(LaneCounter.PACKETS_SENT),
            status.count(LaneCounter.BYTES_SENT),
            status.count(LaneCounter.TRAINS_SENT)),
        new Flow(
            status.count(LaneCounter.PACKETS_DELIVERED),
            status.count(LaneCounter.BYTES_DELIVERED),
            status.count(LaneCounter.TRAINS_RECEIVED)),
        peers(reading),
        traffic(reading),
        drops(status),
        exemptions(reading),
        reading.lanes().stream()
            .map(
                lane ->
                    new Lane(
                        lane.index(),
                        Double.isNaN(lane.busy()) ? null : lane.busy(),
                        lane.silentSeconds()))
            .toList(),
        keys(reading.keys()),
        reading.controlPlane());
  }

  private static List<Peer> peers(Reading reading) {
    EngineReading engine = reading.engine();
    if (engine == null) {
      return List.of();
    }
    PeerLabels labels = new PeerLabels(reading.config());
    List<Peer> peers = new ArrayList<>();
    for (PeerReading peer : engine.peers()) {
      String name = labels.friendlyName(peer);
      peers.add(
          new Peer(
              name.isEmpty() ? peer.name() : name,
              peer.endpoint() == null ? null : peer.endpoint().toString(),
              peer.state().label(),
              peer.lastHandshake() == null ? null : peer.lastHandshake().getEpochSecond(),
              peer.txBytes(),
              peer.rxBytes(),
              labels.allowedIps(peer)));
    }
    return peers;
  }

  private static List<TrafficRow> traffic(Reading reading) {
    GuardReading guard = reading.guard();
    return guard == null
        ? List.of()
        : AuditRow.of(reading, guard).stream()
            .map(
                row ->
                    new TrafficRow(
                        row.traffic(),
                        amount(row.encrypted()),
                        amount(row.exempt()),
                        amount(row.dropped()),
                        amount(row.clear())))
            .toList();
  }

  private static Amount amount(Sum sum) {
    return new Amount(sum.packets(), sum.bytes());
  }

  private static List<Drop> drops(GatewayStatus status) {
    return status.drops().entrySet().stream()
        .filter(drop -> drop.getValue() > 0)
        .map(
            drop ->
                new Drop(drop.getKey().label(), drop.getKey().direction().label(), drop.getValue()))
        .sorted(Comparator.comparingLong(Drop::packets).reversed().thenComparing(Drop::reason))
        .toList();
  }

  private static List<ExemptionRow> exemptions(Reading reading) {
    GuardReading guard = reading.guard();
    if (guard == null) {
      return List.of();
    }
    return reading.config().cluster().policy().exemptions().stream()
        .map(
            exemption ->
                new ExemptionRow(
                    exemption.name(),
                    ports(exemption),
                    servers(exemption.servers()),
                    amount(guard.exemptions().getOrDefault(exemption.name(), Sum.NONE))))
        .toList();
  }

  private static String ports(Exemption exemption) {
    String protocol = exemption.protocol() == IpProtocol.TCP ? "tcp " : "udp ";
    return exemption.ports().stream()
        .map(PortRange::toString)
        .collect(Collectors.joining(", ", protocol, ""));
  }

  private static String servers(NodeSelector nodes) {
    List<String> words = new ArrayList<>();
    nodes.roles().stream().sorted().forEach(words::add);
    nodes.labels().entrySet().stream()
        .map(label -> label.getKey() + "=" + label.getValue())
        .sorted()
        .forEach(words::add);
    return words.isEmpty() ? "all nodes" : String.join(", ", words);
  }

  private static @Nullable Keys keys(@Nullable KeysReading keys) {
    if (keys == null) {
      return null;
    }
    return new Keys(
        keys.outbound(),
        keys.inbound(),
        keys.mostUsed(),
        keys.global() == null ? null : (long) keys.global().published(),
        keys.global() == null
            ? List.of()
            : keys.global().peers().stream()
                .filter(pair -> KeyFamilies.isBehind(pair, keys.global()))
                .map(PairView::peer)
                .sorted()
                .toList());
  }
}
