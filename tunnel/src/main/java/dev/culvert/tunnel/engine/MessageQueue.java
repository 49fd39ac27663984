package dev.culvert.tunnel.engine;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Control messages that lanes received and the control thread will work on; bounded. */
public final class MessageQueue {
  private static final long UNDER_LOAD_NANOS = 1_000_000_000;

  /**
   * A datagram that passed what cheap checks there are.
   *
   * @param bytes a copy of the whole datagram
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  public record Message(byte[] bytes, Endpoint from) {}

  private final ConcurrentLinkedQueue<Message> messages = new ConcurrentLinkedQueue<>();

  /** Counted apart: lanes ask after every batch, which must cost no more than a read. */
  private final AtomicInteger size = new AtomicInteger();

  private final int capacity;
  private long underLoadUntil = Long.MIN_VALUE;

  public MessageQueue(int capacity) {
    this.capacity = capacity;
  }

  public boolean isFull() {
    return size.get() >= capacity;
  }

  /** Any thread; false where the queue is full. */
  public boolean offer(Message message) {
    if (size.incrementAndGet() > capacity) {
      size.decrementAndGet();
      return false;
    }
    messages.add(message);
    return true;
  }

  /** For the control thread. */
  public @Nullable Message poll() {
    Message message = messages.poll();
    if (message != null) {
      size.decrementAndGet();
    }
    return message;
  }

  public boolean isEmpty() {
    return size.get() == 0;
  }

  /**
   * Whether more came than we keep up with, now or within the last second. For the control thread.
   */
  public boolean isUnderLoad(long nowNanos) {
    if (size.get() >= capacity / 8) {
      underLoadUntil = nowNanos + UNDER_LOAD_NANOS;
      return true;
    }
    return nowNanos < underLoadUntil;
  }
}
