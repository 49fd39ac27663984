// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

/** The traffic with peers that were removed, in bytes as datagrams on the wire. */
public record RemovedTraffic(long txBytes, long rxBytes) {
  public static final RemovedTraffic NONE = new RemovedTraffic(0, 0);

  /** This, with the traffic of one more peer that was removed. */
  public RemovedTraffic with(BasePeer<?> peer) {
    return new RemovedTraffic(txBytes + peer.txBytes().sum(), rxBytes + peer.rxBytes().sum());
  }
}
