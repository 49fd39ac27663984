// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.routing.IpAddress;

/**
 * The key of one security association, for an operator who wants to read a capture. It breaks the
 * SA's protection, so it is made only on explicit demand.
 *
 * @param peer the peer's name
 * @param remote the peer's address on the underlay
 * @param outbound whether it is sent under; else received under
 * @param key a copy, closed with this
 * @param salt the first four bytes of every nonce
 */
public record SaSecret(
    String peer,
    IpAddress remote,
    boolean outbound,
    int spi,
    AeadAlgorithm algorithm,
    SecretBytes key,
    int salt)
    implements AutoCloseable {
  static SaSecret of(EspPeer peer, boolean outbound, SaParameters sa) {
    return new SaSecret(
        peer.toString(),
        peer.address(),
        outbound,
        sa.spi(),
        sa.algorithm(),
        sa.key().copy(),
        sa.salt());
  }

  @Override
  public void close() {
    key.close();
  }

  /** Without key and salt. */
  @Override
  public String toString() {
    return "SaSecret[%s SPI %08x]".formatted(peer, spi);
  }
}
