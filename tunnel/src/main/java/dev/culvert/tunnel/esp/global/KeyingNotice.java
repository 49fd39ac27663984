// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.tunnel.engine.TunnelEvent;
import java.time.Duration;

/** An event about keys that an operator should know. Never holds a secret. */
public sealed interface KeyingNotice extends TunnelEvent.Notice {
  @Override
  default String peer() {
    return "";
  }

  @Override
  default boolean isWarning() {
    return true;
  }

  /** A peer has not published the new key for longer than the overlap; the old one stays. */
  record RotationOverdue(String peer, int peerPublished, int published, Duration since)
      implements KeyingNotice {
    @Override
    public String message() {
      return ("%s still publishes key %d, %d s after key %d came: it may have missed the rotation;"
              + " key %d stays in use with it")
          .formatted(peer, peerPublished, since.toSeconds(), published, peerPublished);
    }
  }

  /** A peer publishes a key that this node does not have. */
  record RotationMissed(String peer, int peerPublished, int published) implements KeyingNotice {
    @Override
    public String message() {
      return "%s publishes key %d, the newest here is key %d: this node may have missed a rotation"
          .formatted(peer, peerPublished, published);
    }
  }

  /** The file no longer has this key and no peer needs it any more, so it was wiped. */
  record KeyRetired(int id) implements KeyingNotice {
    @Override
    public String message() {
      return "key " + id + " is no longer needed and was wiped";
    }

    @Override
    public boolean isWarning() {
      return false;
    }
  }

  /** The ends cannot agree on keys, since they are configured for different traffic. */
  record RangesDiffer(String peer, String difference) implements KeyingNotice {
    @Override
    public String message() {
      return "no keys with %s: %s".formatted(peer, difference);
    }
  }

  /** A manual SA has used three quarters of its numbers. */
  record SequenceRunningOut(String peer, int spi, int percent) implements KeyingNotice {
    @Override
    public String message() {
      return "manual SA %08x to %s has used %d %% of its sequence numbers: give both ends a new key"
          .formatted(spi, peer, percent);
    }
  }

  /** Another process reserved numbers of a manual SA, so that this one leaves them out. */
  record SequenceSkipped(String peer, int spi, long from, long to) implements KeyingNotice {
    @Override
    public String message() {
      return ("manual SA %08x to %s leaves out its sequence numbers from %d to below %d, which"
              + " another process reserved")
          .formatted(spi, peer, from, to);
    }
  }

  /** A manual SA may not send, or may not go on sending. */
  record SequenceRefused(String peer, int spi, String reason) implements KeyingNotice {
    @Override
    public String message() {
      return "manual SA %08x to %s does not send: %s".formatted(spi, peer, reason);
    }
  }
}
