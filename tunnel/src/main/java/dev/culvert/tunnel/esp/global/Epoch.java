// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.nio.ByteBuffer;
import java.util.random.RandomGenerator;

/**
 * A fresh random value of 128 bits, drawn by one end for one exchange: nonce of the exchange, and
 * half of the randomness of its keys. Not secret.
 */
record Epoch(long high, long low) {
  static final int LENGTH = 16;

  /** A placeholder while no epoch is known; never drawn. */
  static final Epoch NONE = new Epoch(0, 0);

  static Epoch draw(RandomGenerator randomness) {
    Epoch drawn = NONE;
    while (drawn.equals(NONE)) {
      drawn = new Epoch(randomness.nextLong(), randomness.nextLong());
    }
    return drawn;
  }

  static Epoch read(ByteBuffer from) {
    return new Epoch(from.getLong(), from.getLong());
  }

  void write(ByteBuffer to) {
    to.putLong(high).putLong(low);
  }

  void save(StateWriter out) {
    out.int64(high).int64(low);
  }

  static Epoch read(StateReader in) throws StateException {
    return new Epoch(in.int64(), in.int64());
  }

  byte[] toBytes() {
    return ByteBuffer.allocate(LENGTH).putLong(high).putLong(low).array();
  }
}
