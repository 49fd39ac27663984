// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import dev.culvert.tunnel.engine.DropReason;
import org.jspecify.annotations.Nullable;

/**
 * The cheap check of a handshake message that a lane makes before it queues the message.
 * Thread-safe.
 */
public final class HandshakeFilter {
  private HandshakeFilter() {}

  /**
   * Checks whether a message is worth a Diffie-Hellman.
   *
   * @param message of a type and length that {@link Messages#handshakeLength} knows
   * @return null if it is, else the reason to drop it
   */
  public static @Nullable DropReason refuse(
      byte[] message, @Nullable LocalIdentity identity, IndexTable indices) {
    int type = Messages.getInt(message, Messages.TYPE);
    if (type != Messages.COOKIE_REPLY && (identity == null || !identity.mac1Matches(message))) {
      return DropReason.BAD_MAC1;
    }
    if (type != Messages.INITIATION && !isKnownReceiver(message, type, indices)) {
      return DropReason.UNKNOWN_INDEX;
    }
    return null;
  }

  private static boolean isKnownReceiver(byte[] message, int type, IndexTable indices) {
    int offset =
        type == Messages.RESPONSE ? Messages.RESPONSE_RECEIVER : Messages.COOKIE_REPLY_RECEIVER;
    return indices.find(Messages.getInt(message, offset)) != null;
  }
}
