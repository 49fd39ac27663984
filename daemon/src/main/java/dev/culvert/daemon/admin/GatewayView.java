// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.gateway.GatewayStatus;
import dev.culvert.tunnel.gateway.RunningTunnel;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import dev.culvert.tunnel.lane.LaneCounter;
import dev.culvert.tunnel.port.Offload;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One gateway, as {@code culvert status} shows it. Holds no secret.
 *
 * @param interfaceName the tunnel interface
 * @param engine {@link #WIREGUARD} or {@link #ESP}
 * @param publicKey base64, null if no private key is set or needed
 * @param listenPort UDP port, 0 while none is bound
 * @param fwmark mark of the packets that carry the tunnel, 0 for none
 * @param configFile null for {@code culvert wg}, which has none
 * @param traffic null if only the UAPI socket could be asked
 * @param esp null except for ESP
 * @param names the endpoints that are names
 * @param controlPlane null if the nodes do not come from the Kubernetes API
 * @param process that serves the gateway; null if only the UAPI socket could be asked
 * @param upgrade the last process that was started to take over; null if none was
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record GatewayView(
    String interfaceName,
    String engine,
    @Nullable String publicKey,
    int listenPort,
    long fwmark,
    @Nullable String configFile,
    @Nullable TrafficView traffic,
    List<PeerView> peers,
    @Nullable EspView esp,
    List<NameView> names,
    @Nullable ControlPlaneView controlPlane,
    @Nullable Long process,
    @Nullable UpgradeView upgrade) {
  /** The value of {@code engine} for WireGuard. */
  public static final String WIREGUARD = "wireguard";

  /** The value of {@code engine} for ESP. */
  public static final String ESP = "esp";

  public GatewayView {
    peers = List.copyOf(peers);
    names = List.copyOf(names);
  }

  /** A view of the tunnel alone. */
  public GatewayView(
      String interfaceName,
      String engine,
      @Nullable String publicKey,
      int listenPort,
      long fwmark,
      @Nullable String configFile,
      @Nullable TrafficView traffic,
      List<PeerView> peers,
      @Nullable EspView esp,
      List<NameView> names,
      @Nullable ControlPlaneView controlPlane) {
    this(
        interfaceName,
        engine,
        publicKey,
        listenPort,
        fwmark,
        configFile,
        traffic,
        peers,
        esp,
        names,
        controlPlane,
        null,
        null);
  }

  /** This view with the parts that are not the tunnel's, as they are now. */
  public GatewayView with(
      List<NameView> namesNow,
      @Nullable ControlPlaneView controlPlaneNow,
      @Nullable UpgradeView upgradeNow) {
    return new GatewayView(
        interfaceName,
        engine,
        publicKey,
        listenPort,
        fwmark,
        configFile,
        traffic,
        peers,
        esp,
        namesNow,
        controlPlaneNow,
        ProcessHandle.current().pid(),
        upgradeNow);
  }

  /**
   * The present state of the device.
   *
   * @param names the names of the peers in the configuration, by public key
   */
  public static GatewayView of(
      WireGuardDevice device, @Nullable String configFile, Map<String, String> names) {
    RunningTunnel tunnel = device.tunnel();
    try (DeviceSnapshot now = device.snapshot()) {
      return new GatewayView(
          tunnel.interfaceName(),
          WIREGUARD,
          now.publicKey() == null ? null : now.publicKey().toString(),
          tunnel.listenPort(),
          Integer.toUnsignedLong(tunnel.fwmark()),
          configFile,
          TrafficView.of(tunnel.status()),
          now.peers().stream().map(peer -> PeerView.of(peer, names)).toList(),
          null,
          List.of(),
          null);
    }
  }

  /**
   * The counters of the packet path.
   *
   * @param offloads the kernel's offloads in use, as {@link Offload#text}
   * @param offloadsOff the others, with the reason
   * @param counters by {@link LaneCounter#label}, in the order of the enum
   * @param drops packets by reason, sorted by the reason's name
   */
  public record TrafficView(
      int mtu,
      int lanes,
      List<String> offloads,
      Map<String, String> offloadsOff,
      String cipher,
      Map<String, Long> counters,
      Map<String, Long> drops) {
    public TrafficView {
      offloads = List.copyOf(offloads);
      // A gateway of an earlier version does not tell them.
      offloadsOff = Objects.requireNonNullElse(offloadsOff, Map.of());
    }

    public long count(LaneCounter counter) {
      return counters.getOrDefault(counter.label(), 0L);
    }

    static TrafficView of(GatewayStatus status) {
      Map<String, Long> counters = new LinkedHashMap<>();
      for (LaneCounter counter : LaneCounter.values()) {
        counters.put(counter.label(), status.count(counter));
      }
      Map<String, Long> drops = new TreeMap<>();
      for (Map.Entry<DropReason, Long> drop : status.drops().entrySet()) {
        drops.put(drop.getKey().label(), drop.getValue());
      }
      List<String> offloads = new ArrayList<>();
      Map<String, String> off = new LinkedHashMap<>();
      new TreeMap<>(status.offloads())
          .forEach(
              (offload, state) -> {
                if (state == Offload.State.IN_USE) {
                  offloads.add(offload.text());
                } else {
                  off.put(offload.text(), state.reason());
                }
              });
      return new TrafficView(
          status.mtu(), status.lanes(), offloads, off, status.cipher(), counters, drops);
    }
  }
}
