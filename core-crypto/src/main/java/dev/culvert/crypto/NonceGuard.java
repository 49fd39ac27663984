// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import org.jspecify.annotations.Nullable;

/**
 * Notices a run that takes a nonce of the run sealed just before. It looks no further back. The
 * caller has to make sure that no counter is used twice; this only catches the likeliest mistake.
 */
public final class NonceGuard {
  private @Nullable AeadKey key;
  private long from;
  private int packets;

  /**
   * Records a run that is about to be sealed.
   *
   * @throws IllegalStateException if it shares a counter with the last one under this key
   */
  public void admit(AeadKey next, PacketRun run) {
    long ahead = run.firstCounter() - from;
    boolean overlap = ahead >= 0 ? ahead < packets : -ahead < run.packets();
    if (next == key && overlap) {
      throw new IllegalStateException("a nonce was about to be used twice");
    }
    key = next;
    from = run.firstCounter();
    packets = run.packets();
  }

  public void forget() {
    key = null;
  }
}
