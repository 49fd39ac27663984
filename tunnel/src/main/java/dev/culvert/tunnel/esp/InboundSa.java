package dev.culvert.tunnel.esp;

import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.NonceLayout;
import dev.culvert.crypto.ReplayWindow;
import dev.culvert.tunnel.engine.Pinned;
import java.util.concurrent.atomic.LongAdder;

/** A key that is received under, with its replay window; shared by all lanes. */
final class InboundSa extends Pinned {
  private final EspPeer peer;
  private final SaParameters parameters;
  private final SaKeyId keyId;
  private final AeadKey key;
  private final long sinceNanos;

  /** All below were used before this was set up. */
  private final long floor;

  private final ReplayWindow window;
  private boolean retired;
  private final LongAdder packets = new LongAdder();
  private final LongAdder bytes = new LongAdder();
  private final LongAdder replayed = new LongAdder();

  /**
   * Takes over the key of {@code parameters}.
   *
   * @param floor the first number that is accepted
   */
  InboundSa(EspPeer peer, SaParameters parameters, SaKeyId keyId, long floor, long nowNanos) {
    this.peer = peer;
    this.parameters = parameters;
    this.keyId = keyId;
    this.floor = floor;
    key =
        new AeadKey(
            parameters.algorithm(),
            parameters.key(),
            NonceLayout.BIG_ENDIAN_COUNTER,
            parameters.salt());
    window = new ReplayWindow(parameters.sequenceLimit());
    sinceNanos = nowNanos;
  }

  EspPeer peer() {
    return peer;
  }

  SaParameters parameters() {
    return parameters;
  }

  SaKeyId keyId() {
    return keyId;
  }

  /** For a lane that holds a pin. */
  AeadKey key() {
    return key;
  }

  long sinceNanos() {
    return sinceNanos;
  }

  /** The highest number that was accepted, or that is known to have been used before. */
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
   * @return one bit a packet: set where the number is fresh
   */
  long inferAndTest(long[] sequences, int count) {
    long fresh = 0;
    synchronized (window) {
      long top = newest();
      for (int i = 0; i < count; i++) {
        long sequence =
            parameters.esn() ? infer(top, (int) sequences[i]) : sequences[i] & 0xffffffffL;
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
   * Ends receiving under this for good: a lane that has opened packets just now drops them.
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

  /** 0 is never sent (RFC 4303 section 3.3.3): what infers to it is from before the beginning. */
  private boolean isPossible(long sequence) {
    return sequence != 0 && Long.compareUnsigned(sequence, floor) >= 0;
  }

  /**
   * The number whose lower half is {@code low}: the one that is in the window or ahead of it (RFC
   * 4303 appendix A2.2).
   *
   * @param top the highest number accepted
   * @return 0 where it would be from before the first
   */
  static long infer(long top, int low) {
    long lowBits = low & 0xffffffffL;
    long high = top >>> 32;
    long topLow = top & 0xffffffffL;
    // Case A, the window is within one subspace: what is below it is of the next. Case B, the
    // window began in the subspace before: what is at or above its beginning is from there.
    long bottom = topLow - ReplayWindow.USABLE;
    if (bottom >= 0) {
      return lowBits >= bottom ? high << 32 | lowBits : (high + 1) << 32 | lowBits;
    }
    if (lowBits < (bottom & 0xffffffffL)) {
      return high << 32 | lowBits;
    }
    return high == 0 ? 0 : (high - 1) << 32 | lowBits;
  }

  void received(int count, int wireBytes) {
    packets.add(count);
    bytes.add(wireBytes);
  }

  void replayed(int count) {
    replayed.add(count);
  }

  long packets() {
    return packets.sum();
  }

  long bytes() {
    return bytes.sum();
  }

  long replayErrors() {
    return replayed.sum();
  }

  @Override
  protected void wipe() {
    key.close();
  }

  @Override
  public String toString() {
    return "in " + parameters;
  }
}
