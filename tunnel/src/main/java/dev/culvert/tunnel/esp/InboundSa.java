// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.crypto.ReplayWindow;
import dev.culvert.tunnel.engine.SavedWindow;
import dev.culvert.tunnel.engine.StateWriter;
import java.util.concurrent.atomic.LongAdder;

/** A key for receiving, with its replay window; shared by all lanes. */
final class InboundSa extends SecurityAssociation {
  private final EspPeer peer;

  /** All numbers below were used before this SA was set up. Guarded by the window. */
  private long floor;

  private final ReplayWindow window;
  private boolean retired;
  private final LongAdder replayed = new LongAdder();

  /**
   * Takes over the key of {@code parameters}.
   *
   * @param floor the first number that is accepted
   */
  InboundSa(EspPeer peer, SaParameters parameters, SaKeyId keyId, long floor, long nowNanos) {
    super(parameters, keyId, nowNanos);
    this.peer = peer;
    this.floor = floor;
    window = new ReplayWindow(parameters.sequenceLimit());
  }

  /** Accepts no number below {@code least} from now on. */
  void raiseFloor(long least) {
    synchronized (window) {
      if (Long.compareUnsigned(least, floor) > 0) {
        floor = least;
      }
    }
  }

  /** Whether a window of {@code saved}, which has the same key, fits here. */
  boolean isLike(SaParameters saved) {
    return parameters().esn() == saved.esn()
        && parameters().sequenceLimit() == saved.sequenceLimit();
  }

  /** Takes over the window of the same SA in another process. */
  void continueFrom(SavedSa.Inbound saved) {
    synchronized (window) {
      raiseFloor(saved.floor());
      window.restore(saved.window().newest(), saved.window().words());
    }
    replayed.add(saved.replayed());
    countBefore(saved.counts().packets(), saved.counts().bytes());
  }

  /** Writes this for {@link SavedSa}. */
  void save(StateWriter out, long nowNanos) {
    parameters().save(out, nowNanos);
    saveCounts(out, nowNanos);
    synchronized (window) {
      out.int64(floor).int64(replayErrors());
      SavedWindow.save(window, out);
    }
  }

  EspPeer peer() {
    return peer;
  }

  /** The highest number that was accepted, or that was used before this SA was set up. */
  long newest() {
    synchronized (window) {
      long newest = window.newest();
      return Long.compareUnsigned(newest, floor - 1) > 0 ? newest : floor - 1;
    }
  }

  /**
   * Completes the lower halves in {@code sequences} and tests them against the window, before any
   * of the packets is authenticated; changes nothing of this SA.
   *
   * @return one bit per packet, set if the number is fresh
   */
  long inferAndTest(long[] sequences, int count) {
    long fresh = 0;
    synchronized (window) {
      long top = newest();
      for (int i = 0; i < count; i++) {
        long sequence =
            parameters().esn() ? infer(top, (int) sequences[i]) : sequences[i] & 0xffffffffL;
        sequences[i] = sequence;
        if (isPossible(sequence) && window.isFresh(sequence)) {
          fresh |= 1L << i;
        }
      }
    }
    return fresh;
  }

  /** Tests and sets the window for every packet whose bit is set; the bits of fresh ones remain. */
  long acceptFresh(long[] sequences, long authenticated) {
    long fresh = 0;
    synchronized (window) {
      for (long rest = authenticated; rest != 0; rest &= rest - 1) {
        int i = Long.numberOfTrailingZeros(rest);
        if (!retired && isPossible(sequences[i]) && window.accept(sequences[i])) {
          fresh |= 1L << i;
        }
      }
    }
    return fresh;
  }

  /**
   * Ends receiving under this SA for good: a lane that is just opening packets drops them.
   *
   * @return the first number that may still come, as far as is known
   */
  long retire() {
    close();
    synchronized (window) {
      retired = true;
      return newest() + 1;
    }
  }

  /**
   * 0 is never sent (RFC 4303 section 3.3.3): a packet inferred to have it is older than the SA.
   */
  private boolean isPossible(long sequence) {
    return sequence != 0 && Long.compareUnsigned(sequence, floor) >= 0;
  }

  /**
   * The number whose lower half is {@code low}: the one that is in the window or ahead of it (RFC
   * 4303 appendix A2.2).
   *
   * @param top the highest number accepted
   * @return 0 if it would be from before the first
   */
  static long infer(long top, int low) {
    long lowBits = low & 0xffffffffL;
    long high = top >>> 32;
    long topLow = top & 0xffffffffL;
    // Case A, the window is within one subspace: a number below it is of the next. Case B, the
    // window began in the subspace before: a number at or above its beginning is from there.
    long bottom = topLow - ReplayWindow.USABLE;
    if (bottom >= 0) {
      return lowBits >= bottom ? high << 32 | lowBits : (high + 1) << 32 | lowBits;
    }
    if (lowBits < (bottom & 0xffffffffL)) {
      return high << 32 | lowBits;
    }
    return high == 0 ? 0 : (high - 1) << 32 | lowBits;
  }

  void replayed(int count) {
    replayed.add(count);
  }

  long replayErrors() {
    return replayed.sum();
  }

  @Override
  public String toString() {
    return "in " + parameters();
  }
}
