package dev.culvert.tunnel.noise;

import java.util.Arrays;

/**
 * What a finished handshake ends in. Whoever is handed it takes over both keys, 32 bytes each.
 *
 * @param age when the handshake ended, and whether this end began it
 * @param localIndex what the peer names us by; not used before, not covered by the handshake hash
 * @param remoteIndex what we name the peer by
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
