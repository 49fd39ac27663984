// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.tunnel.engine.Endpoint;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The datagrams of the control side: finished handshake messages first, then the peers whose staged
 * packets or keepalive can be sealed. Belongs to the control thread.
 */
final class Outbox {
  /**
   * A finished datagram.
   *
   * @param peer null for an answer to an unknown sender
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Message(byte[] bytes, @Nullable WireGuardPeer peer, Endpoint to) {}

  private final ArrayDeque<Message> messages = new ArrayDeque<>();
  private final ArrayDeque<WireGuardPeer> ready = new ArrayDeque<>();

  void add(byte[] message, @Nullable WireGuardPeer peer, Endpoint to) {
    messages.add(new Message(message, peer, to));
  }

  @Nullable Message pollMessage() {
    return messages.poll();
  }

  /** Notes that {@code peer} may have packets to seal. */
  void ready(WireGuardPeer peer) {
    if (!peer.readyToTransmit) {
      peer.readyToTransmit = true;
      ready.add(peer);
    }
  }

  @Nullable WireGuardPeer peekReady() {
    return ready.peek();
  }

  void removeReady() {
    ready.remove().readyToTransmit = false;
  }
}
