// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.offload.TcpSegment;
import dev.culvert.tunnel.train.Train;
import org.jspecify.annotations.Nullable;

/**
 * Notices that the kernel damages trains which are handed to it as one message, and switches that
 * off. Linux 7.0 to 7.1.4 writes wrong lengths and checksums into the packets of such a train if
 * all are of equal length and the device below does not segment by itself; their receiver drops
 * them. A guest has the defect through its hypervisor's kernel, whatever its own version. No call
 * fails, and a probe over loopback does not go through the device.
 *
 * <p>The witness is the TCP inside the tunnel, for whose segments the peer returns acknowledgements
 * that the tunnel authenticates. Answers of the tunnel protocol would not do: the answer to a
 * single packet looks like that to a train, a passive keepalive comes 10 seconds late, and a sender
 * whose trains are all lost shrinks its window, so that it hardly sends a train of three. But it
 * repeats the beginning of each lost train in a packet of its own, and <em>that</em> is
 * acknowledged. After {@link #ROUNDS} such trains of one peer in a row, with none that arrived,
 * trains go packet by packet. A retransmission timeout is 200 ms on Linux, so that takes about a
 * second; {@link TrainTrial} has the rules.
 *
 * <p>It does not happen
 *
 * <ul>
 *   <li>if a peer is dead: nothing is acknowledged, so no trial ends;
 *   <li>with a flood that nobody answers: only TCP counts, which stops without acknowledgements;
 *   <li>on a congested or lossy path: as soon as any packet of a train arrives, it is acknowledged,
 *       by SACK at once and without it together with the repeated packet, and one such train makes
 *       the earlier losses forgotten;
 *   <li>on a path that loses large packets: the repeated packet has to be as large as the lost one;
 *   <li>if the peer pauses: the rounds of a peer follow one another, and the first train after the
 *       pause arrives.
 * </ul>
 *
 * Traffic without TCP (QUIC) and TCP inside a CNI's own overlay are not seen. A peer that lies
 * about its acknowledgements makes this end spend more processor time, and nothing else.
 *
 * <p>Belongs to one lane: the kernel reads a flow's packets from the queue of the lane that wrote
 * its answers. Allocates nothing.
 */
final class SegmentationWatch {
  /** Trains of one peer that have to be lost in a row. */
  static final int ROUNDS = 4;

  /** Peers that are watched at the same time. */
  private static final int PEERS = 4;

  private final SegmentationSwitch segmentation;
  private final TrainTrial[] trials = new TrainTrial[PEERS];
  private final TcpSegment segment = new TcpSegment();

  SegmentationWatch(SegmentationSwitch segmentation) {
    this.segmentation = segmentation;
    for (int i = 0; i < PEERS; i++) {
      trials[i] = new TrainTrial();
    }
  }

  /**
   * Looks at a plain train before it is sealed.
   *
   * @param segmented whether trains to the peer are handed to the kernel as one message at present
   */
  void leaving(TunnelPeer peer, Train plain, boolean segmented, long now) {
    if (!segmentation.isWatched(now)) {
      clear();
      return;
    }
    // Packets of unequal length take another path through the kernel, which has no defect.
    boolean endangered =
        segmented && plain.packets() > 1 && plain.lastSealedLength() == plain.stride();
    if (endangered) {
      TrainTrial trial = trialOf(peer, now);
      if (trial != null && trial.wantsTrain(now) && read(plain, 0)) {
        trial.trainLeaves(segment, now);
      }
    } else if (isWaiting(now)) {
      for (int i = 0; i < plain.packets(); i++) {
        if (read(plain, i)) {
          for (TrainTrial trial : trials) {
            trial.packetLeaves(segment);
          }
        }
      }
    }
  }

  /** Whether packet {@code i} is TCP with data. */
  private boolean read(Train train, int i) {
    return segment.read(train.memory(), train.inner(i), train.length(i)) && segment.payload() > 0;
  }

  /** Looks at packets that were opened; those of length 0 are left out. */
  void arrived(Train opened, long now) {
    if (!isWaiting(now)) {
      return;
    }
    for (int i = 0; i < opened.packets(); i++) {
      int length = opened.length(i);
      if (length > 0 && segment.read(opened.memory(), opened.inner(i), length)) {
        for (TrainTrial trial : trials) {
          if (trial.segmentArrives(segment, now) >= ROUNDS) {
            clear();
            segmentation.suspend(now);
            return;
          }
        }
      }
    }
  }

  /** Whether a train of a peer waits for an acknowledgement, so that packets have to be read. */
  boolean isWaiting(long now) {
    for (TrainTrial trial : trials) {
      if (trial.isOpen(now)) {
        return true;
      }
    }
    return false;
  }

  private void clear() {
    for (TrainTrial trial : trials) {
      trial.clear();
    }
  }

  /** The trials of a peer, or null if all are given to others. */
  private @Nullable TrainTrial trialOf(TunnelPeer peer, long now) {
    TrainTrial free = null;
    for (TrainTrial trial : trials) {
      if (trial.isOf(peer)) {
        return trial;
      }
      if (free == null && trial.isFree(now)) {
        free = trial;
      }
    }
    if (free != null) {
      free.give(peer);
    }
    return free;
  }
}
