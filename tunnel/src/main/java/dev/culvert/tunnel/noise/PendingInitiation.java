// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.crypto.Tai64n;

/**
 * An initiation that we sent and that waits for its response. Belongs to the control thread, except
 * its index, which lanes may look up.
 *
 * @param noise the handshake's state, on a copy of which each response is tried
 * @param ephemeral our ephemeral private key
 * @param timestamp the timestamp that we sent
 */
public record PendingInitiation(
    HandshakePeer handshakePeer,
    int localIndex,
    NoiseHandshake noise,
    SecretBytes ephemeral,
    Tai64n timestamp)
    implements Indexed, AutoCloseable {

  @Override
  public void close() {
    noise.close();
    ephemeral.close();
  }

  @Override
  public String toString() {
    return "PendingInitiation[" + handshakePeer + "]";
  }
}
