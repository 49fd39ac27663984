// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.noise.PublicKey;
import org.jspecify.annotations.Nullable;

/**
 * The keys of a peer.
 *
 * @param publicKey its static key
 * @param presharedKey 32 bytes that both ends have, or null; copied
 * @param persistentKeepaliveSeconds the longest interval between sent packets, to keep a NAT's
 *     mapping alive: 0 for off, at most 65535
 */
public record NoisePeerKeys(
    PublicKey publicKey, @Nullable SecretBytes presharedKey, int persistentKeepaliveSeconds) {
  private static final int PRESHARED_KEY_LENGTH = 32;
  private static final int MAX_KEEPALIVE_SECONDS = 65_535;

  public NoisePeerKeys {
    if (presharedKey != null && presharedKey.length() != PRESHARED_KEY_LENGTH) {
      throw new IllegalArgumentException(
          "preshared key of " + publicKey + " is 32 bytes, not " + presharedKey.length());
    }
    if (persistentKeepaliveSeconds < 0 || persistentKeepaliveSeconds > MAX_KEEPALIVE_SECONDS) {
      throw new IllegalArgumentException(
          "persistent keepalive of "
              + publicKey
              + " is not 0 to 65535: "
              + persistentKeepaliveSeconds);
    }
  }
}
