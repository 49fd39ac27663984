package dev.culvert.tunnel.esp;

import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import org.jspecify.annotations.Nullable;

/**
 * A lane's look at a message before it is copied and queued: who it says it is from, length, type,
 * perhaps a MAC. Anybody may send any number of messages, so that it must be cheap and should
 * allocate nothing. Belongs to one lane; nothing that is shared may be changed.
 */
@FunctionalInterface
public interface MessageFilter {
  /**
   * Says why a message goes no further.
   *
   * @param message as it came behind the non-ESP marker, at most {@link Keying#MAX_MESSAGE} bytes;
   *     the array may be longer, and is the lane's
   * @return null where it is worth queueing
   */
  @Nullable DropReason refuse(byte[] message, int length, Endpoint from);
}
