package dev.culvert.cli.config;

import dev.culvert.routing.Prefix;
import java.util.List;
import java.util.stream.Stream;

/**
 * What {@code culvert up} is to run, from YAML or from wg(8)'s format. A value that was checked:
 * names are valid, ranges have one owner. Files that it names are not read yet.
 *
 * @param interfaceName a valid Linux interface name
 * @param mtu 576 to 65535, or 0: 1420
 * @param addresses of the tunnel interface
 * @param listenPort UDP port, 0: any that is free
 * @param fwmark mark of the packets that carry the tunnel, 0: none
 * @param lanes packet-moving threads, 0: chosen by the machine's processors
 * @param routes whether routes are set (and guarded) for what the peers own
 * @param privateKey who this gateway is, to WireGuard and to ESP that is keyed by handshakes
 * @param clusterCidrs ranges that never leave in clear, whether or not a peer owns the address
 * @param peers WireGuard's
 * @param engine the protocol, and what only that needs
 */
public record GatewayConfig(
    String interfaceName,
    int mtu,
    List<InterfaceAddress> addresses,
    int listenPort,
    int fwmark,
    int lanes,
    boolean routes,
    KeySource privateKey,
    List<Prefix> clusterCidrs,
    List<PeerConfig> peers,
    EngineConfig engine) {
  public static final String DEFAULT_INTERFACE = "culvert0";
  public static final int MIN_MTU_IPV6 = 1280;

  public GatewayConfig {
    addresses = List.copyOf(addresses);
    clusterCidrs = List.copyOf(clusterCidrs);
    peers = List.copyOf(peers);
  }

  /** Every range that goes through the tunnel, sorted, without doubles. */
  public List<Prefix> tunnelled() {
    Stream<Prefix> ranges =
        switch (engine) {
          case EngineConfig.WireGuard wireGuard ->
              peers.stream().flatMap(p -> p.allowedIps().stream());
          case EspConfig esp -> esp.peers().stream().flatMap(p -> p.allowedIps().stream());
        };
    return ranges.distinct().sorted().toList();
  }
}
