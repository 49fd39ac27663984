// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import static dev.culvert.tunnel.esp.global.ExchangeLimits.HELLOS_UNDER_ONE_KEY;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.NEVER;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.OVERLAP;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.PUBLISH_SPREAD;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.RETRY;
import static dev.culvert.tunnel.esp.global.ExchangeLimits.UPGRADE_INTERVAL;

import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.time.Duration;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the global key to use with one peer. Only the peer's fresh messages tell which keys it
 * publishes and holds.
 */
final class PairRotation {
  private static final int UNKNOWN = 0;

  private final String peer;
  private final GlobalState state;

  /** The key of the last agreement; older keys are refused since. */
  private int agreed = UNKNOWN;

  private int peerPublished = UNKNOWN;
  private int peerHeld;
  private long publishAt = NEVER;
  private long upgradeAt = NEVER;
  private long upgradeTriedAt = Long.MIN_VALUE;
  private long behindSince;
  private long overdueAt = NEVER;

  PairRotation(String peer, GlobalState state) {
    this.peer = peer;
    this.state = state;
  }

  void save(StateWriter out, long nowNanos) {
    out.int32(agreed).int32(peerPublished).int32(peerHeld);
    out.time(publishAt, nowNanos).time(upgradeAt, nowNanos).time(upgradeTriedAt, nowNanos);
    out.time(behindSince, nowNanos).time(overdueAt, nowNanos);
  }

  static PairRotation read(String peer, GlobalState state, StateReader in, long savedAtNanos)
      throws StateException {
    PairRotation read = new PairRotation(peer, state);
    read.agreed = id(in);
    read.peerPublished = id(in);
    read.peerHeld = in.int32();
    read.publishAt = in.time(savedAtNanos);
    read.upgradeAt = in.time(savedAtNanos);
    read.upgradeTriedAt = in.time(savedAtNanos);
    read.behindSince = in.time(savedAtNanos);
    read.overdueAt = in.time(savedAtNanos);
    return read;
  }

  private static int id(StateReader in) throws StateException {
    int id = in.int32();
    if (id != UNKNOWN && !KeyIds.isValid(id)) {
      throw new StateException("no key has this id");
    }
    return id;
  }

  /** Takes over the rotation of another process. */
  void adopt(PairRotation read) {
    agreed = state.ring.get(read.agreed) == null ? UNKNOWN : read.agreed;
    peerPublished = read.peerPublished;
    peerHeld = read.peerHeld;
    publishAt = read.publishAt;
    upgradeAt = read.upgradeAt;
    upgradeTriedAt = read.upgradeTriedAt;
    behindSince = read.behindSince;
    overdueAt = read.overdueAt;
  }

  /** Reports that this node publishes another key from now on. */
  void published(long nowNanos) {
    if (agreed != UNKNOWN) {
      publishAt = nowNanos + state.jitter(PUBLISH_SPREAD);
    }
    watch(nowNanos);
  }

  void peerSays(int published, int held, long nowNanos) {
    boolean news = published != peerPublished;
    peerPublished = published;
    peerHeld = held;
    if (news) {
      watch(nowNanos);
      if (state.ring.get(published) == null) {
        state.notices.add(new KeyingNotice.RotationMissed(peer, published, state.ring.published()));
      }
    }
  }

  private void watch(long nowNanos) {
    boolean behind =
        peerPublished != UNKNOWN && KeyIds.isNewer(state.ring.published(), peerPublished);
    if (!behind) {
      overdueAt = NEVER;
    } else if (overdueAt == NEVER) {
      behindSince = nowNanos;
      overdueAt = nowNanos + OVERLAP;
    }
  }

  PairStatus status(@Nullable String difference) {
    return new PairStatus(peer, agreed, peerPublished, difference);
  }

  void advance(long nowNanos) {
    if (nowNanos >= overdueAt) {
      state.notices.add(
          new KeyingNotice.RotationOverdue(
              peer,
              peerPublished,
              state.ring.published(),
              Duration.ofNanos(nowNanos - behindSince)));
      overdueAt = nowNanos + OVERLAP;
    }
  }

  long overdueAt() {
    return overdueAt;
  }

  /** The time of the next exchange for the rotation, in nanoseconds. */
  long exchangeDueAt() {
    return Math.min(publishAt, upgradeAt);
  }

  void exchangeBegins(long nowNanos) {
    publishAt = NEVER;
    if (upgradeAt != NEVER) {
      upgradeAt = NEVER;
      upgradeTriedAt = nowNanos;
    }
  }

  void agreedOn(int keyId, boolean initiator, long nowNanos) {
    agreed = keyId;
    upgradeAt = NEVER;
    if (!KeyIds.isNewer(common(), keyId)) {
      return;
    }
    // The initiator goes first, so that the two ends do not begin at once. If the peer has another
    // key under that id, this fails each time, so attempts are limited.
    long first = nowNanos + (initiator ? 0 : RETRY + state.jitter(RETRY));
    upgradeAt =
        upgradeTriedAt == Long.MIN_VALUE
            ? first
            : Math.max(first, upgradeTriedAt + UPGRADE_INTERVAL);
  }

  /** The older of both published keys on the circle of ids, which both ends should have. */
  private int common() {
    int id = KeyIds.older(state.ring.published(), peerPublished);
    boolean both = state.ring.get(id) != null && (peerHeld >>> id & 1) != 0;
    return both ? id : agreed;
  }

  /** The keys for hellos: the common one, and all keys once that got no answer. */
  int[] helloKeys(int attempts) {
    boolean known = peerPublished != UNKNOWN && agreed != UNKNOWN;
    if (known && attempts < HELLOS_UNDER_ONE_KEY) {
      return new int[] {KeyIds.isNewer(common(), agreed) ? common() : agreed};
    }
    return Arrays.stream(state.ring.newestFirst()).filter(id -> !isRetired(id)).toArray();
  }

  /** Whether we agreed on a newer key with this peer already. */
  boolean isRetired(int id) {
    return agreed != UNKNOWN && KeyIds.isNewer(agreed, id);
  }

  /** Whether this peer may still need {@code id}, which our file no longer has. */
  boolean needs(int id) {
    return agreed == id || (peerPublished != UNKNOWN && !KeyIds.isNewer(peerPublished, id));
  }
}
