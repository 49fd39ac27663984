// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.testing;

import dev.culvert.tunnel.engine.Endpoint;

/** Something with a place on a {@link SimulatedNetwork}: a whole engine, or a keying by itself. */
public interface Node {
  Endpoint address();

  /** By how much its wall clock is ahead, in nanoseconds. */
  default long clockSkew() {
    return 0;
  }

  long nextDeadlineNanos();

  /** Does all that is due at {@link SimulatedNetwork#now}, and transmits the resulting messages. */
  void advance(SimulatedNetwork network);

  /** Takes a datagram that arrived. */
  void arrive(SimulatedNetwork network, Endpoint from, byte[] bytes);
}
