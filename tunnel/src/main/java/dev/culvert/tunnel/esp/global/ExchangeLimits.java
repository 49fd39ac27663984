// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import java.time.Duration;

/** All times and numbers of the exchange. Times are in nanoseconds. */
public final class ExchangeLimits {
  public static final long NEVER = Long.MAX_VALUE;

  /**
   * The first wait for an answer; each further wait is twice as long, plus up to a third at random.
   */
  static final long RETRY = Duration.ofSeconds(1).toNanos();

  static final long MAX_RETRY = Duration.ofSeconds(30).toNanos();

  /** The longest wait while traffic waits. */
  static final long WANTED_RETRY = Duration.ofSeconds(5).toNanos();

  /** The number of unanswered hellos after which staged packets are dropped; hellos go on. */
  static final int HELLOS_BEFORE_DROP = 5;

  /** The number of hellos under the key that both ends should have, before every key is tried. */
  static final int HELLOS_UNDER_ONE_KEY = 2;

  /**
   * The number of unanswered hellos after which the peer is sent the ranges that keys depend on.
   */
  static final int HELLOS_BEFORE_RANGES = 2;

  /** After that, the ranges are sent again with every 16th hello. */
  static final int RANGES_EVERY = 16;

  static final int MAX_CONFIRMS = 5;

  /**
   * The time for which a responder uses one epoch for all hellos, so that replayed ones evict
   * nothing.
   */
  static final long OFFER_REUSE = Duration.ofSeconds(10).toNanos();

  /** The time after which a confirmation is refused. */
  static final long OFFER_LIFETIME = Duration.ofSeconds(30).toNanos();

  static final long RENEW_AFTER = Duration.ofHours(1).toNanos();

  /**
   * The initiator renews earlier by a random time of up to this, so that the two ends rarely begin
   * at once.
   */
  static final long RENEW_SPREAD = Duration.ofMinutes(5).toNanos();

  /** The age after which keys that could not be renewed are not used for sending. */
  static final long REJECT_AFTER = Duration.ofHours(3).toNanos();

  /** With 64-bit sequence numbers: the number of packets after which keys are renewed. */
  static final long RENEW_AFTER_PACKETS = 1L << 32;

  static final long REJECT_AFTER_PACKETS = 1L << 34;

  /** With 32-bit sequence numbers: the number of packets after which keys are renewed. */
  static final long RENEW_AFTER_PACKETS_32 = 3L << 30;

  /**
   * The time for which replaced receive SAs stay, and for which a rotation may go on without a
   * warning.
   */
  static final long OVERLAP = Duration.ofMinutes(5).toNanos();

  /** The time after an unacknowledged confirmation until both ends surely agree again. */
  static final long DOUBT = Duration.ofSeconds(30).toNanos();

  /** The interval of attempts to move to a newer key that the peer reports to hold. */
  static final long UPGRADE_INTERVAL = Duration.ofMinutes(1).toNanos();

  /**
   * The longest random delay before a new key is published, since a thousand nodes may learn of it
   * at once.
   */
  static final long PUBLISH_SPREAD = Duration.ofSeconds(2).toNanos();

  static final int MAX_INBOUND = 4;

  /** The time for which repeated confirmations are answered; they are repeated for at most 42 s. */
  static final long ACK_AGAIN = Duration.ofSeconds(45).toNanos();

  /**
   * The number of a peer's hellos that are remembered, to recognise replays: more than a month's,
   * if the peer does not restart. Also the burst of hellos not seen before that are answered.
   */
  static final int REMEMBERED = 1024;

  static final int NEW_HELLOS_PER_SECOND = 100;

  /** Authentic messages of ranges that are handled per second. */
  static final int RANGES_PER_SECOND = 2;

  static final int RANGES_BURST = 16;

  private ExchangeLimits() {}
}
