// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

/**
 * The address that was looked up last. Most packets of a run have the same addresses, so that one
 * lookup answers for all of them. For one thread.
 */
public final class AddressMemo {
  private boolean known;
  private boolean v4;
  private long high;
  private long low;

  /** Forgets the address: the next one is new. */
  public void forget() {
    known = false;
  }

  /** Remembers an address; returns whether it is another than the one before. */
  public boolean isNew(boolean newV4, long newHigh, long newLow) {
    if (known && newV4 == v4 && newLow == low && newHigh == high) {
      return false;
    }
    known = true;
    v4 = newV4;
    high = newHigh;
    low = newLow;
    return true;
  }
}
