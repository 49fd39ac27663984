// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.culvert.tunnel.wireguard.DeviceSnapshot.PeerSnapshot;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One peer, as {@code culvert peers} shows it.
 *
 * @param name as configured, null if there is none
 * @param publicKey base64, null for ESP without handshakes
 * @param presharedKey whether one is set
 * @param endpoint numeric, null while unknown
 * @param lastHandshake when the keys in use were agreed on: seconds since 1970, null before the
 *     first
 * @param persistentKeepalive seconds, 0 for off
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record PeerView(
    @Nullable String name,
    @Nullable String publicKey,
    boolean presharedKey,
    @Nullable String endpoint,
    @Nullable Long lastHandshake,
    long txBytes,
    long rxBytes,
    int persistentKeepalive,
    List<String> allowedIps) {
  public PeerView {
    allowedIps = List.copyOf(allowedIps);
  }

  /** The name, or the key if there is no name. */
  public String label() {
    return name != null ? name : publicKey != null ? publicKey : "";
  }

  static PeerView of(PeerSnapshot peer, Map<String, String> names) {
    String key = peer.publicKey().toString();
    return new PeerView(
        names.get(key),
        key,
        !peer.presharedKey().isZero(),
        peer.endpoint() == null ? null : peer.endpoint().toString(),
        peer.lastHandshake() == null ? null : peer.lastHandshake().getEpochSecond(),
        peer.txBytes(),
        peer.rxBytes(),
        peer.persistentKeepalive(),
        peer.allowedIps().stream().map(Object::toString).toList());
  }
}
