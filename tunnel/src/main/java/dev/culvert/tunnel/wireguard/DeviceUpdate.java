package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.SecretBytes;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * A change to a WireGuard device, already parsed: what {@code wg set}, {@code wg setconf} and a
 * configuration file ask for. It is applied whole or not at all.
 *
 * @param privateKey the new private key, 32 bytes, all zeros to remove it; null: unchanged
 * @param listenPort the new UDP port, 0 for any; empty: unchanged
 * @param fwmark the new mark, 0 for none; empty: unchanged
 * @param replacePeers whether peers that are not named here go
 * @param peers applied in this order
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
