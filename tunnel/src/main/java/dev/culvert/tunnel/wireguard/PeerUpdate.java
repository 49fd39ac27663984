// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.noise.PublicKey;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A change to one peer. A peer that does not exist is made, unless {@code remove} or {@code
 * updateOnly}; the device's own public key is skipped.
 *
 * @param publicKey the peer's key
 * @param remove whether to remove the peer
 * @param updateOnly whether to ignore the change if the peer does not exist
 * @param presharedKey the new preshared key, 32 bytes, all zeros for none; null: unchanged
 * @param endpoint the new endpoint; null: unchanged
 * @param addresses the only ones from which the peer is heard; empty: it may be anywhere; null:
 *     unchanged
 * @param persistentKeepalive seconds, 0 for off, up to 65535; empty: unchanged
 * @param replaceAllowedIps whether to remove ranges that are not named here
 * @param allowedIps applied in this order; a range that another peer has moves here
 */
public record PeerUpdate(
    PublicKey publicKey,
    boolean remove,
    boolean updateOnly,
    @Nullable SecretBytes presharedKey,
    @Nullable Endpoint endpoint,
    @Nullable Set<IpAddress> addresses,
    OptionalInt persistentKeepalive,
    boolean replaceAllowedIps,
    List<AllowedIpChange> allowedIps) {

  public PeerUpdate {
    addresses = addresses == null ? null : Set.copyOf(addresses);
    allowedIps = List.copyOf(allowedIps);
  }

  /** A change that leaves the addresses from which the peer is heard. */
  public PeerUpdate(
      PublicKey publicKey,
      boolean remove,
      boolean updateOnly,
      @Nullable SecretBytes presharedKey,
      @Nullable Endpoint endpoint,
      OptionalInt persistentKeepalive,
      boolean replaceAllowedIps,
      List<AllowedIpChange> allowedIps) {
    this(
        publicKey,
        remove,
        updateOnly,
        presharedKey,
        endpoint,
        null,
        persistentKeepalive,
        replaceAllowedIps,
        allowedIps);
  }

  /**
   * One range given to the peer or taken from it.
   *
   * @param prefix the range
   * @param remove whether it is taken from the peer (no error if the peer does not have it)
   */
  public record AllowedIpChange(Prefix prefix, boolean remove) {}
}
