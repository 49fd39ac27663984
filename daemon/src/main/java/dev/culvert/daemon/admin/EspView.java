// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.culvert.daemon.admin.GatewayView.TrafficView;
import dev.culvert.tunnel.esp.EspPeerStatus;
import dev.culvert.tunnel.esp.SaStatus;
import dev.culvert.tunnel.esp.global.PairStatus;
import dev.culvert.tunnel.esp.noise.NoisePeerStatus;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.EspDevice;
import dev.culvert.tunnel.gateway.RunningTunnel;
import dev.culvert.tunnel.noise.PublicKey;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The part of a gateway's view that only ESP has. Holds no secret.
 *
 * @param keying global, manual or noise
 * @param globalKey null except with the global keying
 * @param localRanges the ranges behind this node
 * @param notices the last notices about keys for the operator, oldest first
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record EspView(
    String keying,
    boolean esn,
    @Nullable GlobalKeyView globalKey,
    List<String> localRanges,
    List<NoticeView> notices,
    List<SaView> securityAssociations) {
  public EspView {
    localRanges = List.copyOf(localRanges);
    notices = List.copyOf(notices);
    securityAssociations = List.copyOf(securityAssociations);
  }

  /**
   * A notice.
   *
   * @param at seconds since 1970
   */
  public record NoticeView(long at, boolean warning, String message) {}

  /**
   * The global key and its rotation.
   *
   * @param file the file that it was read from
   * @param refusal why the file in its present form is not in use, null if it is in use
   * @param published id of the key that this node would send under if all nodes had it
   * @param held ids of all keys that this node has
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record GlobalKeyView(
      String file,
      @Nullable String refusal,
      int published,
      List<Integer> held,
      List<PairView> peers) {
    public GlobalKeyView {
      held = List.copyOf(held);
      peers = List.copyOf(peers);
    }

    /**
     * The present state of the keying.
     *
     * @param heldBits bit n for id n
     */
    public static GlobalKeyView of(
        String file,
        @Nullable String refusal,
        int published,
        int heldBits,
        List<PairStatus> pairs) {
      List<Integer> held = new ArrayList<>();
      for (int id = 1; heldBits >>> id != 0; id++) {
        if ((heldBits >>> id & 1) != 0) {
          held.add(id);
        }
      }
      return new GlobalKeyView(
          file,
          refusal,
          published,
          held,
          pairs.stream()
              .map(
                  pair ->
                      new PairView(
                          pair.peer(), pair.agreed(), pair.peerPublished(), pair.difference()))
              .toList());
    }
  }

  /**
   * The rotation with one peer.
   *
   * @param sendsUnder id that both ends last agreed on, 0 before the first time
   * @param peerPublished id that the peer last published, 0 while unknown
   * @param difference between the configurations of the two ends, because of which they have no
   *     keys; null if none is known
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record PairView(
      String peer, int sendsUnder, int peerPublished, @Nullable String difference) {}

  /** The present state of the device. */
  public static GatewayView of(
      EspDevice<?> device,
      String file,
      String keying,
      boolean esn,
      KeyingView keys,
      List<String> localRanges)
      throws DeviceException {
    RunningTunnel tunnel = device.tunnel();
    List<SaStatus> sas = device.securityAssociations();
    EspView esp =
        new EspView(
            keying,
            esn,
            keys.globalKey(),
            localRanges,
            device.notices().stream()
                .map(
                    dated ->
                        new NoticeView(
                            dated.at().getEpochSecond(),
                            dated.notice().isWarning(),
                            dated.notice().message()))
                .toList(),
            sas.stream().map(SaView::of).toList());
    Map<String, Long> keyed = new HashMap<>();
    long now = Instant.now().getEpochSecond();
    for (SaStatus sa : sas) {
      if (sa.outbound()) {
        keyed.put(sa.peer(), now - sa.ageNanos() / 1_000_000_000L);
      }
    }
    Map<String, NoisePeerStatus> noise = new HashMap<>();
    keys.handshakes().forEach(peer -> noise.put(peer.peer(), peer));
    PublicKey publicKey = keys.publicKey();
    return new GatewayView(
        tunnel.interfaceName(),
        GatewayView.ESP,
        publicKey == null ? null : publicKey.toString(),
        tunnel.listenPort(),
        Integer.toUnsignedLong(tunnel.fwmark()),
        file,
        TrafficView.of(tunnel.status()),
        device.peers().stream().map(peer -> peer(peer, keyed, noise)).toList(),
        esp,
        List.of(),
        null);
  }

  private static PeerView peer(
      EspPeerStatus peer, Map<String, Long> keyed, Map<String, NoisePeerStatus> noise) {
    String name = peer.settings().name();
    NoisePeerStatus shaken = noise.get(name);
    return new PeerView(
        name,
        shaken == null ? null : shaken.publicKey().toString(),
        shaken != null && shaken.presharedKey(),
        peer.endpoint() == null ? null : peer.endpoint().toString(),
        shaken == null ? keyed.get(name) : seconds(shaken.lastHandshake()),
        peer.txBytes(),
        peer.rxBytes(),
        shaken == null ? peer.settings().keepaliveSeconds() : shaken.persistentKeepaliveSeconds(),
        peer.settings().selectors().remote().stream().map(Object::toString).toList());
  }

  private static @Nullable Long seconds(@Nullable Instant at) {
    return at == null ? null : at.getEpochSecond();
  }
}
