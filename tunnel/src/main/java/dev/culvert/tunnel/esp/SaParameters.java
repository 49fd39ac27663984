// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.engine.SafetyJump;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;

/**
 * The parameters of one unidirectional security association (RFC 4301 section 4.4.2). A keying that
 * emits it in a {@link KeyingEvent} hands over the key, which the engine closes.
 *
 * @param spi the security parameters index on the wire, not 0
 * @param algorithm AES-GCM (RFC 4106), or another AEAD with the same framing (RFC 7634)
 * @param key 16 or 32 bytes for AES-GCM, 32 for others; never the same in both directions
 * @param salt the first four bytes of every nonce, in network order
 * @param esn whether sequence numbers have 64 bits (RFC 4303 section 2.2.1), 32 on the wire
 * @param firstSequence outbound, the first number (unsigned) to use; inbound, all below are
 *     refused; at least 1
 * @param sequenceLimit the first number (unsigned) that is never used or accepted; at most {@link
 *     #LIMIT_32} without ESN
 * @param noticeAt outbound: once this number (unsigned) is reached the engine calls {@link
 *     Keying#runningLow}; {@code sequenceLimit} for never
 * @param selectors the addresses whose packets it carries
 * @param endNanos monotonic time in nanoseconds from which it is not used any more; {@link #NO_END}
 *     if only the keying ends it
 */
public record SaParameters(
    int spi,
    AeadAlgorithm algorithm,
    SecretBytes key,
    int salt,
    boolean esn,
    long firstSequence,
    long sequenceLimit,
    long noticeAt,
    Selectors selectors,
    long endNanos) {
  /** The end of 32-bit sequence numbers. */
  public static final long LIMIT_32 = 1L << 32;

  /** The end of 64-bit sequence numbers, unsigned; the very last is never used. */
  public static final long LIMIT_64 = -1;

  /** The {@code endNanos} of an SA that does not expire. */
  public static final long NO_END = Long.MAX_VALUE;

  public SaParameters {
    if (spi == 0) {
      throw new IllegalArgumentException("SPI 0 is not for the wire");
    }
    if (!algorithm.acceptsKeyLength(key.length())) {
      throw new IllegalArgumentException(algorithm + " takes no key of " + key.length() + " bytes");
    }
    long end = esn ? LIMIT_64 : LIMIT_32;
    if (firstSequence == 0
        || Long.compareUnsigned(sequenceLimit, firstSequence) < 0
        || Long.compareUnsigned(sequenceLimit, end) > 0) {
      throw new IllegalArgumentException(
          "sequence numbers from "
              + Long.toUnsignedString(firstSequence)
              + " to below "
              + Long.toUnsignedString(sequenceLimit));
    }
  }

  /** An SA that only the keying ends. */
  public SaParameters(
      int spi,
      AeadAlgorithm algorithm,
      SecretBytes key,
      int salt,
      boolean esn,
      long firstSequence,
      long sequenceLimit,
      long noticeAt,
      Selectors selectors) {
    this(spi, algorithm, key, salt, esn, firstSequence, sequenceLimit, noticeAt, selectors, NO_END);
  }

  /** An SA that may use all sequence numbers, without a notice before the end. */
  public static SaParameters whole(
      int spi,
      AeadAlgorithm algorithm,
      SecretBytes key,
      int salt,
      boolean esn,
      Selectors selectors) {
    long end = esn ? LIMIT_64 : LIMIT_32;
    return new SaParameters(spi, algorithm, key, salt, esn, 1, end, end, selectors);
  }

  /** The identity of its key. */
  public SaKeyId keyId() {
    return SaKeyId.of(algorithm, key, salt);
  }

  /**
   * The same SA from this number on, with the same key; without numbers if it is past the limit.
   */
  public SaParameters startingAt(long first) {
    return new SaParameters(
        spi, algorithm, key, salt, esn, first, sequenceLimit, noticeAt, selectors, endNanos);
  }

  /** The same SA, begun after a jump of so many numbers. */
  public SaParameters ahead(long packets) {
    return startingAt(SafetyJump.ahead(firstSequence, packets, sequenceLimit));
  }

  /** Writes all of it, with the key. */
  public void save(StateWriter out, long nowNanos) {
    out.int32(spi).text(algorithm.name()).secret(key).int32(salt).flag(esn);
    out.int64(firstSequence).int64(sequenceLimit).int64(noticeAt);
    selectors.save(out);
    out.time(endNanos, nowNanos);
  }

  /** Reads a saved SA; the key stays in {@code secrets} until it is claimed. */
  public static SaParameters read(StateReader in, UnclaimedSecrets secrets, long savedAtNanos)
      throws StateException {
    return KeyingState.checked(
        () ->
            new SaParameters(
                in.int32(),
                AeadAlgorithm.valueOf(in.text()),
                secrets.read(in),
                in.int32(),
                in.flag(),
                in.int64(),
                in.int64(),
                in.int64(),
                Selectors.read(in),
                in.time(savedAtNanos)));
  }

  /** Without key and salt. */
  @Override
  public String toString() {
    return "SA[SPI %08x, %s-%d%s]".formatted(spi, algorithm, 8 * key.length(), esn ? ", ESN" : "");
  }
}
