// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import java.util.List;
import java.util.Map;

/**
 * The control side of an engine at one moment, for metrics. Has no secret.
 *
 * @param removed the traffic with peers that were removed, so that sums never fall
 * @param handshakes zeros left out
 * @param stagedPackets plain packets that wait for keys
 * @param queuedMessages handshake messages that wait for the control thread
 */
public record EngineReading(
    List<PeerReading> peers,
    RemovedTraffic removed,
    Map<HandshakeOutcome, Long> handshakes,
    int stagedPackets,
    int queuedMessages) {
  public EngineReading {
    peers = List.copyOf(peers);
    handshakes = Map.copyOf(handshakes);
  }

  /** Bytes sent to all peers there ever were, as datagrams on the wire. */
  public long txBytes() {
    return removed.txBytes() + peers.stream().mapToLong(PeerReading::txBytes).sum();
  }

  /** Authenticated bytes received from all peers there ever were, as datagrams on the wire. */
  public long rxBytes() {
    return removed.rxBytes() + peers.stream().mapToLong(PeerReading::rxBytes).sum();
  }
}
