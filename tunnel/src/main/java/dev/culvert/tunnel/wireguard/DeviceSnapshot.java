// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.noise.PublicKey;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A WireGuard device at one moment. The secrets in it are copies that the reader closes.
 *
 * @param privateKey null if none is set
 * @param publicKey null if no private key is set
 * @param peers in the order in which they were added
 */
public record DeviceSnapshot(
    @Nullable SecretBytes privateKey, @Nullable PublicKey publicKey, List<PeerSnapshot> peers)
    implements AutoCloseable {

  public DeviceSnapshot {
    peers = List.copyOf(peers);
  }

  @Override
  public void close() {
    if (privateKey != null) {
      privateKey.close();
    }
    peers.forEach(peer -> peer.presharedKey().close());
  }

  /**
   * One peer at one moment.
   *
   * @param presharedKey 32 bytes, all zeros for none
   * @param endpoint null while unknown
   * @param addresses the only ones from which the peer is heard; empty: it may be anywhere
   * @param lastHandshake null before the first
   * @param txBytes bytes sent to the peer, as datagrams on the wire
   * @param rxBytes bytes received from the peer, authenticated, as datagrams on the wire
   * @param persistentKeepalive seconds, 0 for off
   * @param allowedIps sorted
   */
  public record PeerSnapshot(
      PublicKey publicKey,
      SecretBytes presharedKey,
      @Nullable Endpoint endpoint,
      Set<IpAddress> addresses,
      @Nullable Instant lastHandshake,
      long txBytes,
      long rxBytes,
      int persistentKeepalive,
      List<Prefix> allowedIps) {

    public PeerSnapshot {
      addresses = Set.copyOf(addresses);
      allowedIps = List.copyOf(allowedIps);
    }
  }
}
