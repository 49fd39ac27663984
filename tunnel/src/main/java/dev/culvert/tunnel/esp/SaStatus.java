// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.crypto.AeadAlgorithm;

/**
 * The state of one security association, for people. Has no secrets.
 *
 * @param peer the peer's name
 * @param outbound true for sending, false for receiving
 * @param keyBits length of the key in bits
 * @param ageNanos nanoseconds since it was taken into use
 * @param sequence outbound the next number, inbound the highest accepted one; unsigned
 * @param sequenceLimit the first number that is not used, unsigned
 * @param packets sealed packets, or authenticated and fresh ones
 * @param bytes bytes of these packets on the wire, without outer headers
 * @param replayErrors inbound: packets refused by the window
 */
public record SaStatus(
    String peer,
    boolean outbound,
    int spi,
    AeadAlgorithm algorithm,
    int keyBits,
    boolean esn,
    SaKeyId key,
    long ageNanos,
    long sequence,
    long sequenceLimit,
    long packets,
    long bytes,
    long replayErrors) {
  /** The share of the sequence numbers that are used, 0 to 1. */
  public double used() {
    return sequenceLimit == 0 ? 1 : unsigned(sequence) / unsigned(sequenceLimit);
  }

  private static double unsigned(long number) {
    return (number >>> 1) * 2.0 + (number & 1);
  }

  static SaStatus of(EspPeer peer, OutboundSa sa, long nowNanos) {
    return of(peer, true, sa, sa.next(), sa.limit(), 0, nowNanos);
  }

  static SaStatus of(InboundSa sa, long nowNanos) {
    long limit = sa.parameters().sequenceLimit();
    return of(sa.peer(), false, sa, sa.newest(), limit, sa.replayErrors(), nowNanos);
  }

  private static SaStatus of(
      EspPeer peer,
      boolean outbound,
      SecurityAssociation sa,
      long sequence,
      long sequenceLimit,
      long replayErrors,
      long nowNanos) {
    SaParameters p = sa.parameters();
    return new SaStatus(
        peer.toString(),
        outbound,
        p.spi(),
        p.algorithm(),
        8 * p.key().length(),
        p.esn(),
        sa.keyId(),
        nowNanos - sa.sinceNanos(),
        sequence,
        sequenceLimit,
        sa.packets(),
        sa.bytes(),
        replayErrors);
  }
}
