// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.offload.TcpSegment;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Trains to one peer, one at a time, and whether they arrive. A trial watches the first byte of one
 * train of one TCP flow until the flow's receiver acknowledges it:
 *
 * <ul>
 *   <li>It is acknowledged and has left in no other way: the train <b>arrived</b>.
 *   <li>Ranges behind it are acknowledged (SACK), and the flow has sent nothing but trains since:
 *       the train arrived, with a gap. So the path loses packets, not trains.
 *   <li>It is acknowledged after its sender has repeated it in a packet of its own, and no more
 *       than that packet: the train was <b>lost</b>, and a packet of the same size arrives.
 *   <li>The same, but bytes behind that packet are acknowledged, too, which have left in trains
 *       alone: the train arrived, with a gap or without. A receiver without SACK tells so of a gap,
 *       and so does one whose first answer was lost.
 *   <li>Nothing is acknowledged for {@link #PATIENCE_NANOS}: the trial says nothing, and the next
 *       train takes its place; without one it ends after {@link #EXPIRY_NANOS}. The peer may be
 *       dead, the flow ended, or its answers come to another lane.
 * </ul>
 *
 * The clock that decides is the sender's own: it repeats a byte when it holds it for lost, whatever
 * the round-trip time is.
 */
final class TrainTrial {
  /**
   * Longer than a round trip and the retransmission timeout of almost all paths; the trials of one
   * peer wait for one flow no longer.
   */
  static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(1500);

  /**
   * The time after which a train without an answer is forgotten, so that packets are not read for a
   * flow that has ended. Longer than {@link #PATIENCE_NANOS}, since a flow that is alone on a slow
   * path waits for its timeout and for a round trip behind that.
   */
  static final long EXPIRY_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** The pause after a train that arrived, so that a path that works costs next to nothing. */
  static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  /** The time after which losses say nothing about the present. */
  static final long MEMORY_NANOS = TimeUnit.MINUTES.toNanos(1);

  /** Farther ahead than any data of a flow. */
  private static final int NOTHING = Integer.MAX_VALUE;

  private @Nullable TunnelPeer peer;
  private int losses;
  private long lastLoss;
  private long lastEvent;
  private boolean open;

  // The flow as this end sends it, and the watched byte.
  private long sourceHigh;
  private long sourceLow;
  private long destinationHigh;
  private long destinationLow;
  private int ports;
  private int watched;
  private int payload;

  /** Bytes from the watched one on that were repeated in a packet of its own; 0: not repeated. */
  private int repeated;

  /** Bytes from the watched one to the first data behind it that left packet by packet since. */
  private int ahead;

  /** Whether data that begins no later, and is no repetition, left packet by packet since. */
  private boolean preceding;

  /** Bytes from the watched one on that were in such data. */
  private int aside;

  /** Whether the trials are of this peer. */
  boolean isOf(TunnelPeer other) {
    return peer == other;
  }

  /** Whether another peer may have these trials. */
  boolean isFree(long now) {
    return peer == null
        || now - lastEvent > (open ? PATIENCE_NANOS : losses == 0 ? PAUSE_NANOS : MEMORY_NANOS);
  }

  void give(TunnelPeer newPeer) {
    clear();
    peer = newPeer;
  }

  /** Forgets everything. */
  void clear() {
    peer = null;
    open = false;
    losses = 0;
  }

  /** Whether a train waits for an acknowledgement. */
  boolean isOpen(long now) {
    return open && now - lastEvent <= EXPIRY_NANOS;
  }

  /** Whether the next train may be watched. */
  boolean wantsTrain(long now) {
    long since = now - lastEvent;
    return open || losses > 0 || since < 0 || since > PAUSE_NANOS;
  }

  /** A train that begins with {@code first}, which has data, leaves as one message. */
  void trainLeaves(TcpSegment first, long now) {
    boolean ended = !open || now - lastEvent > PATIENCE_NANOS;
    // A sender that repeats its oldest data in a train hears of that before it hears of later data.
    boolean earlier = open && sends(first) && first.sequence() - watched < 0;
    if (!ended && !earlier) {
      return;
    }
    if (now - lastLoss > MEMORY_NANOS) {
      losses = 0;
    }
    open = true;
    lastEvent = now;
    sourceHigh = first.sourceHigh();
    sourceLow = first.sourceLow();
    destinationHigh = first.destinationHigh();
    destinationLow = first.destinationLow();
    ports = first.ports();
    watched = first.sequence();
    payload = first.payload();
    repeated = 0;
    ahead = NOTHING;
    preceding = false;
    aside = 0;
  }

  /** A packet with data leaves, not as part of a train of equal packets. */
  void packetLeaves(TcpSegment packet) {
    if (!sends(packet)) {
      return;
    }
    int before = watched - packet.sequence();
    if (before < 0) {
      ahead = Math.min(ahead, -before);
    } else if (before < packet.payload() && packet.payload() >= payload) {
      repeated = Math.max(repeated, packet.payload() - before);
    } else {
      preceding = true;
      aside = Math.max(aside, packet.payload() - before);
    }
  }

  /**
   * A segment of the peer's was opened.
   *
   * @return the number of trains in a row that were lost, if this shows one more; otherwise 0
   */
  int segmentArrives(TcpSegment segment, long now) {
    if (!isOpen(now) || !segment.acknowledges() || !answers(segment)) {
      return 0;
    }
    int beyond = segment.acknowledgement() - watched;
    boolean trainsOnly = repeated == 0 && ahead == NOTHING && !preceding;
    boolean gap = beyond == 0 && segment.selective() && trainsOnly;
    if (beyond <= 0 && !gap) {
      return 0;
    }
    // The byte behind those that left alone has arrived, and has left in trains alone.
    int alone = Math.max(repeated, aside);
    boolean rest = beyond > alone && ahead > alone;
    open = false;
    lastEvent = now;
    if (repeated == 0 || rest) {
      losses = 0;
    } else {
      losses++;
      lastLoss = now;
    }
    return losses;
  }

  private boolean sends(TcpSegment segment) {
    return segment.ports() == ports
        && segment.sourceLow() == sourceLow
        && segment.destinationLow() == destinationLow
        && segment.sourceHigh() == sourceHigh
        && segment.destinationHigh() == destinationHigh;
  }

  private boolean answers(TcpSegment segment) {
    return segment.ports() == Integer.rotateLeft(ports, 16)
        && segment.sourceLow() == destinationLow
        && segment.destinationLow() == sourceLow
        && segment.sourceHigh() == destinationHigh
        && segment.destinationHigh() == sourceHigh;
  }
}
