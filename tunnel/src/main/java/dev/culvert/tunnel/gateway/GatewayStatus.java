package dev.culvert.tunnel.gateway;

import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.lane.TrafficStatus;
import java.util.List;
import java.util.Map;

/**
 * What a gateway did so far and what it runs on. Holds no secret.
 *
 * @param mtu the tunnel interface's MTU
 * @param lanes packet-moving threads
 * @param offloads what the kernel offers and is used, as in {@code tun-tso, tun-uso, udp-gso,
 *     udp-gro}
 * @param cipher the AEAD backend in use
 * @param packetsSealed packets sealed and handed to the kernel
 * @param packetsOpened packets opened and written to the TUN device
 * @param trainsSent send calls worth of packets, for the mean train length
 * @param trainsReceived receive runs, for the same
 * @param drops packets dropped, by reason; zeros left out
 * @param traffic what the cluster's classifier made of what came to the tunnel
 */
public record GatewayStatus(
    int mtu,
    int lanes,
    List<String> offloads,
    String cipher,
    long packetsSealed,
    long packetsOpened,
    long trainsSent,
    long trainsReceived,
    Map<DropReason, Long> drops,
    TrafficStatus traffic) {

  public GatewayStatus {
    offloads = List.copyOf(offloads);
    drops = Map.copyOf(drops);
  }
}
