// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import org.jspecify.annotations.Nullable;

/**
 * A lane's check of a message before it is copied and queued: source, length, type, perhaps a MAC.
 * Attackers may send any number of messages, so it must be cheap and should allocate nothing.
 * Belongs to one lane, and must not change shared state.
 */
@FunctionalInterface
public interface MessageFilter {
  /**
   * Checks a message.
   *
   * @param message the bytes behind the non-ESP marker, at most {@link Keying#MAX_MESSAGE}; the
   *     array may be longer, and belongs to the lane
   * @return the reason to drop it, or null if it is to be queued
   */
  @Nullable DropReason refuse(byte[] message, int length, Endpoint from);
}
