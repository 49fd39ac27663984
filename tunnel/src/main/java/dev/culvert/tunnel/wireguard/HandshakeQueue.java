package dev.culvert.tunnel.wireguard;

import dev.culvert.tunnel.engine.Endpoint;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
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

  private final ConcurrentLinkedQueue<Message> messages = new ConcurrentLinkedQueue<>();

  /** Counted apart: lanes ask after every batch, which must cost no more than a read. */
  private final AtomicInteger size = new AtomicInteger();

  private long underLoadUntil = Long.MIN_VALUE;

  boolean isFull() {
    return size.get() >= Messages.MAX_QUEUED_HANDSHAKES;
  }

  /** Any thread; false where the queue is full. */
  boolean offer(Message message) {
    if (size.incrementAndGet() > Messages.MAX_QUEUED_HANDSHAKES) {
      size.decrementAndGet();
      return false;
    }
    messages.add(message);
    return true;
  }

  /** For the control thread. */
  @Nullable Message poll() {
    Message message = messages.poll();
    if (message != null) {
      size.decrementAndGet();
    }
    return message;
  }

  boolean isEmpty() {
    return size.get() == 0;
  }

  /**
   * Whether more came than we keep up with, now or within the last second. For the control thread.
   */
  boolean isUnderLoad(long nowNanos) {
    if (size.get() >= Messages.UNDER_LOAD_QUEUE) {
      underLoadUntil = nowNanos + Messages.UNDER_LOAD_TIME;
      return true;
    }
    return nowNanos < underLoadUntil;
  }
}
