// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.SecretBytes;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * A parsed change to a WireGuard device, from {@code wg set}, {@code wg setconf} or a configuration
 * file. It is applied whole or not at all.
 *
 * @param privateKey the new private key, 32 bytes, all zeros to remove it; null: unchanged
 * @param listenPort the new UDP port, 0 for any; empty: unchanged
 * @param fwmark the new mark, 0 for none; empty: unchanged
 * @param replacePeers whether to remove peers that are not named here
 * @param peers changes to peers, applied in this order
 */
public record DeviceUpdate(
    @Nullable SecretBytes privateKey,
    OptionalInt listenPort,
    OptionalInt fwmark,
    boolean replacePeers,
    List<PeerUpdate> peers) {

  public DeviceUpdate {
    peers = List.copyOf(peers);
  }
}
