// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.esp.KeyingState;
import dev.culvert.tunnel.esp.SaKeyId;
import dev.culvert.tunnel.esp.SaParameters;
import dev.culvert.tunnel.esp.Selectors;
import dev.culvert.tunnel.esp.UnclaimedSecrets;
import dev.culvert.tunnel.noise.HandshakePeer;
import dev.culvert.tunnel.noise.Indexed;
import dev.culvert.tunnel.noise.SessionAge;
import dev.culvert.tunnel.noise.TransportKeys;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The two SAs of one handshake. The receive SPI is the local index, the send SPI the remote one.
 */
final class SaPair implements Indexed, AutoCloseable {
  private final NoisePair pair;
  private final SessionAge age;
  private final int localIndex;
  private final SaKeyId inboundKey;
  private final SaKeyId outboundKey;

  /** The SA for sending; null once it is in use. */
  private @Nullable SaParameters outbound;

  private volatile boolean confirmed;
  private volatile boolean low;

  private SaPair(
      NoisePair pair,
      SessionAge age,
      int localIndex,
      SaKeyId inboundKey,
      SaKeyId outboundKey,
      @Nullable SaParameters outbound) {
    this.pair = pair;
    this.age = age;
    this.localIndex = localIndex;
    this.inboundKey = inboundKey;
    this.outboundKey = outboundKey;
    this.outbound = outbound;
  }

  /**
   * Derives the SAs, and wipes {@code keys}.
   *
   * @param receive takes over the SA for receiving
   */
  static SaPair of(
      NoisePair pair,
      TransportKeys keys,
      Selectors selectors,
      PacketLimits limits,
      Consumer<SaParameters> receive) {
    SessionAge age = keys.age();
    int localIndex = keys.localIndex();
    int remoteIndex = keys.remoteIndex();
    boolean initiator = age.initiator();
    try {
      SaParameters inbound =
          sa(
              localIndex,
              SaKeySchedule.derive(keys.receiveKey(), !initiator, localIndex, remoteIndex),
              selectors,
              limits,
              age.endNanos());
      SaParameters outbound =
          sa(
              remoteIndex,
              SaKeySchedule.derive(keys.sendKey(), initiator, remoteIndex, localIndex),
              selectors,
              limits,
              age.endNanos());
      SaPair made = new SaPair(pair, age, localIndex, inbound.keyId(), outbound.keyId(), outbound);
      receive.accept(inbound);
      return made;
    } finally {
      keys.wipe();
    }
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

  SaKeyId inboundKey() {
    return inboundKey;
  }

  /** The SA for sending; the engine takes over the key. */
  SaParameters useOutbound() {
    SaParameters sa = Objects.requireNonNull(outbound);
    outbound = null;
    return sa;
  }

  SaKeyId outboundKey() {
    return outboundKey;
  }

  /** Leaves out so many numbers of the SA for sending, if it is not in use yet. */
  void jumpAhead(long packets) {
    if (outbound != null) {
      outbound = outbound.ahead(packets);
    }
  }

  void save(StateWriter out, long nowNanos) {
    out.flag(age.initiator()).time(age.createdNanos(), nowNanos).int32(localIndex);
    inboundKey.save(out);
    outboundKey.save(out);
    out.optional(outbound, sa -> sa.save(out, nowNanos)).flag(confirmed).flag(low);
  }

  /** Reads a saved pair; a key that is not in use stays unclaimed until {@link #claim}. */
  static SaPair read(NoisePair pair, StateReader in, KeyingState.Context context)
      throws StateException {
    long now = context.savedAtNanos();
    SaPair read =
        new SaPair(
            pair,
            new SessionAge(in.flag(), Math.min(in.time(now), now)),
            in.int32(),
            SaKeyId.read(in),
            SaKeyId.read(in),
            in.optional(() -> SaParameters.read(in, context.secrets(), now)));
    read.confirmed = in.flag();
    read.low = in.flag();
    return read;
  }

  /** Whether the SA for sending is there and not in use yet. */
  boolean isWaiting() {
    return outbound != null;
  }

  /** Takes over the key that is not in use. */
  void claim(UnclaimedSecrets secrets) {
    if (outbound != null) {
      secrets.claim(outbound.key());
    }
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
    if (outbound != null) {
      outbound.key().close();
    }
    pair.ended(this);
  }

  @Override
  public String toString() {
    return "SaPair[" + pair + ", " + age + "]";
  }
}
