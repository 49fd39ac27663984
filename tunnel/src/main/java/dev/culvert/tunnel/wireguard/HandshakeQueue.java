package dev.culvert.tunnel.wireguard;

import dev.culvert.tunnel.engine.Endpoint;
import java.util.concurrent.ArrayBlockingQueue;
import org.jspecify.annotations.Nullable;

/** Handshake messages that lanes received and the control thread will work on; bounded. */
final class HandshakeQueue {
  /**
   * A datagram whose length, type and mac1 were checked.
   *
   * @param bytes a copy of the whole datagram
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Message(byte[] bytes, Endpoint from) {
    int type() {
      return Messages.getInt(bytes, Messages.TYPE);
    }
  }

  private final ArrayBlockingQueue<Message> messages =
      new ArrayBlockingQueue<>(Messages.MAX_QUEUED_HANDSHAKES);
  private long underLoadUntil = Long.MIN_VALUE;

  boolean isFull() {
    return messages.remainingCapacity() == 0;
  }

  boolean offer(Message message) {
    return messages.offer(message);
  }

  @Nullable Message poll() {
    return messages.poll();
  }

  boolean isEmpty() {
    return messages.isEmpty();
  }

  /**
   * Whether more came than we keep up with, now or within the last second. For the control thread.
   */
  boolean isUnderLoad(long nowNanos) {
    if (messages.size() >= Messages.UNDER_LOAD_QUEUE) {
      underLoadUntil = nowNanos + Messages.UNDER_LOAD_TIME;
      return true;
    }
    return nowNanos < underLoadUntil;
  }
}
