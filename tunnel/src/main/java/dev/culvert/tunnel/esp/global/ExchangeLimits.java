package dev.culvert.tunnel.esp.global;

import java.time.Duration;

/** Every time and number of the exchange, in nanoseconds where it is a time. */
public final class ExchangeLimits {
  public static final long NEVER = Long.MAX_VALUE;

  /** First wait for an answer; doubled each time, with up to a third on top at random. */
  static final long RETRY = Duration.ofSeconds(1).toNanos();

  static final long MAX_RETRY = Duration.ofSeconds(30).toNanos();

  /** Traffic that waits shortens a longer wait to this. */
  static final long WANTED_RETRY = Duration.ofSeconds(5).toNanos();

  /** Hellos after which what was staged meanwhile is dropped; hellos go on. */
  static final int HELLOS_BEFORE_DROP = 5;

  /** Hellos under the key that both are thought to have, before every key is tried. */
  static final int HELLOS_UNDER_ONE_KEY = 2;

  /** Hellos without an answer, after which the peer is told what else the keys depend on. */
  static final int HELLOS_BEFORE_RANGES = 2;

  /** And then with every so manieth hello. */
  static final int RANGES_EVERY = 16;

  static final int MAX_CONFIRMS = 5;

  /** A responder's epoch serves all hellos of this time, so that replayed ones evict nothing. */
  static final long OFFER_REUSE = Duration.ofSeconds(10).toNanos();

  /** A confirmation that comes later is refused. */
  static final long OFFER_LIFETIME = Duration.ofSeconds(30).toNanos();

  static final long RENEW_AFTER = Duration.ofHours(1).toNanos();

  /** The initiator renews up to this much earlier, at random: the two ends rarely meet. */
  static final long RENEW_SPREAD = Duration.ofMinutes(5).toNanos();

  /** No sending under keys that could not be renewed for so long. */
  static final long REJECT_AFTER = Duration.ofHours(3).toNanos();

  /** With 64-bit sequence numbers: renewal, and the last number that is used. */
  static final long RENEW_AFTER_PACKETS = 1L << 32;

  static final long REJECT_AFTER_PACKETS = 1L << 34;

  /** With 32-bit ones renewal must come earlier. */
  static final long RENEW_AFTER_PACKETS_32 = 3L << 30;

  /** How long replaced receive SAs stay, and how long a rotation may take without a warning. */
  static final long OVERLAP = Duration.ofMinutes(5).toNanos();

  /** After a confirmation that was never acknowledged, until both ends surely agree again. */
  static final long DOUBT = Duration.ofSeconds(30).toNanos();

  /** Between attempts to move to a newer key that the peer says it holds. */
  static final long UPGRADE_INTERVAL = Duration.ofMinutes(1).toNanos();

  /** A new key is published within this time, at random: a thousand nodes learn of it at once. */
  static final long PUBLISH_SPREAD = Duration.ofSeconds(2).toNanos();

  static final int MAX_INBOUND = 4;

  /** Confirmations are said again for 42 s at most, and answered again for this time. */
  static final long ACK_AGAIN = Duration.ofSeconds(45).toNanos();

  /**
   * Hellos of a peer that are remembered, so that a replay is known for one: those of more than a
   * month, if it never restarts. As many that were not seen before are answered at once.
   */
  static final int REMEMBERED = 1024;

  static final int NEW_HELLOS_PER_SECOND = 100;

  /** Authentic messages of ranges that are looked into. */
  static final int RANGES_PER_SECOND = 2;

  static final int RANGES_BURST = 16;

  private ExchangeLimits() {}
}
