// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.SaParameters;
import dev.culvert.tunnel.esp.Selectors;
import dev.culvert.tunnel.noise.HandshakePeer;
import dev.culvert.tunnel.noise.Indexed;
import dev.culvert.tunnel.noise.SessionAge;
import dev.culvert.tunnel.noise.TransportKeys;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The two SAs of one handshake. The receive SPI is the local index, the send SPI the remote one.
 */
final class SaPair implements Indexed, AutoCloseable {
  private final NoisePair pair;
  private final SessionAge age;
  private final int localIndex;
  private final SaParameters inbound;
  private final SaParameters outbound;
  private final SaKeyId inboundKey;
  private final SaKeyId outboundKey;
  private boolean outboundInUse;
  private volatile boolean confirmed;
  private volatile boolean low;

  /** Wipes {@code keys}. */
  SaPair(NoisePair pair, TransportKeys keys, Selectors selectors, PacketLimits limits) {
    this.pair = pair;
    age = keys.age();
    localIndex = keys.localIndex();
    int remoteIndex = keys.remoteIndex();
    boolean initiator = age.initiator();
    try {
      inbound =
          sa(
              localIndex,
              SaKeySchedule.derive(keys.receiveKey(), !initiator, localIndex, remoteIndex),
              selectors,
              limits,
              age.endNanos());
      outbound =
          sa(
              remoteIndex,
              SaKeySchedule.derive(keys.sendKey(), initiator, remoteIndex, localIndex),
              selectors,
              limits,
              age.endNanos());
    } finally {
      keys.wipe();
    }
    inboundKey = inbound.keyId();
    outboundKey = outbound.keyId();
  }

  private static SaParameters sa(
      int spi, byte[] keyAndSalt, Selectors selectors, PacketLimits limits, long endNanos) {
    int salt = ByteBuffer.wrap(keyAndSalt).getInt(SaKeySchedule.AES_KEY_LENGTH);
    SecretBytes key = SecretBytes.owning(Arrays.copyOf(keyAndSalt, SaKeySchedule.AES_KEY_LENGTH));
    Arrays.fill(keyAndSalt, (byte) 0);
    return new SaParameters(
        spi,
        AeadAlgorithm.AES_GCM,
        key,
        salt,
        true,
        1,
        limits.rejectAfter() + 1,
        limits.renewAfter() + 1,
        selectors,
        endNanos);
  }

  @Override
  public int localIndex() {
    return localIndex;
  }

  @Override
  public HandshakePeer handshakePeer() {
    return pair.handshake();
  }

  NoisePair pair() {
    return pair;
  }

  SessionAge age() {
    return age;
  }

  /** The SA for receiving; the engine takes over the key. */
  SaParameters inbound() {
    return inbound;
  }

  SaKeyId inboundKey() {
    return inboundKey;
  }

  /** The SA for sending; the engine takes over the key. */
  SaParameters useOutbound() {
    outboundInUse = true;
    return outbound;
  }

  boolean isSendingUnder(SaKeyId key) {
    return outboundKey.equals(key);
  }

  /** Whether an authentic packet of the peer's came under it. */
  boolean confirmed() {
    return confirmed;
  }

  /** Reports an authentic packet of the peer's under it. Thread-safe. */
  void confirm() {
    confirmed = true;
  }

  /** Reports that so much was sent that this end must renew it, even as the responder. */
  void runsLow() {
    low = true;
  }

  boolean isStaleForSending(long nowNanos) {
    return low || age.isStaleForSending(nowNanos);
  }

  /** Ends it and wipes its keys. */
  @Override
  public void close() {
    if (!outboundInUse) {
      outbound.key().close();
    }
    pair.ended(this);
  }

  @Override
  public String toString() {
    return "SaPair[" + pair + ", " + age + "]";
  }
}
