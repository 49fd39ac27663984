// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import java.util.Arrays;

/**
 * The result of a finished handshake. The receiver takes over both keys, 32 bytes each.
 *
 * @param age the time at which the handshake ended, and whether this end began it
 * @param localIndex the index by which the peer names this end; not used before, not covered by the
 *     handshake hash
 * @param remoteIndex the index by which this end names the peer
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
public record TransportKeys(
    SessionAge age, int localIndex, int remoteIndex, byte[] sendKey, byte[] receiveKey) {
  /** Wipes both keys, for users that derive others from them. */
  public void wipe() {
    Arrays.fill(sendKey, (byte) 0);
    Arrays.fill(receiveKey, (byte) 0);
  }

  @Override
  public String toString() {
    return "TransportKeys[" + age + "]";
  }
}
