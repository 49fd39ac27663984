// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.noise.Messages;
import java.util.ArrayDeque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The finished handshake messages, which leave before sealed packets. Belongs to the control
 * thread.
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

  void add(byte[] message, @Nullable WireGuardPeer peer, Endpoint to) {
    messages.add(new Message(message, peer, to));
  }

  /** The messages now, in the order in which they leave. */
  List<Message> messages() {
    return List.copyOf(messages);
  }

  /** Forgets the initiations that have not left yet. */
  void dropInitiations() {
    messages.removeIf(
        message -> Messages.getInt(message.bytes, Messages.TYPE) == Messages.INITIATION);
  }

  @Nullable Message pollMessage() {
    return messages.poll();
  }
}
