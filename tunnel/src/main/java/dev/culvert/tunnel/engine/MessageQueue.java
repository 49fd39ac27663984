// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import dev.culvert.routing.IpAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

/**
 * The queue of control messages from lanes to the control thread. Bounded, and no source may fill
 * more than its share, so that a flood from one source delays only that source. A source is an IPv4
 * address or an IPv6 /64, the usual range of one customer.
 */
public final class MessageQueue {
  private static final long UNDER_LOAD_NANOS = 1_000_000_000;

  /** The number of classes of sources; two sources in one class have one share. */
  private static final int CLASSES = 1024;

  /**
   * A datagram that passed the cheap checks.
   *
   * @param bytes a copy of the whole datagram
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  public record Message(byte[] bytes, Endpoint from) {}

  private final ConcurrentLinkedQueue<Message> messages = new ConcurrentLinkedQueue<>();

  /** Counted separately, since lanes ask after every batch, which must cost no more than a read. */
  private final AtomicInteger size = new AtomicInteger();

  private final AtomicIntegerArray bySource = new AtomicIntegerArray(CLASSES);
  private final int capacity;
  private final int share;
  private final long seed;
  private volatile @Nullable Set<IpAddress> known;

  // Control thread only.
  private long underLoadUntil = Long.MIN_VALUE;
  private final long[] sourceUnderLoadUntil = new long[CLASSES];

  /**
   * @param seed unpredictable if messages of unknown senders come here, since attackers could
   *     otherwise choose addresses that share a peer's class
   */
  public MessageQueue(int capacity, long seed) {
    this.capacity = capacity;
    this.seed = seed;
    share = capacity / 8;
    Arrays.fill(sourceUnderLoadUntil, Long.MIN_VALUE);
  }

  /** Reserves half of the queue for these sources from now on. Thread-safe. */
  public void reserveFor(Set<IpAddress> sources) {
    known = Set.copyOf(sources);
  }

  private int sourceClass(DatagramSource source) {
    long bits = (source.v4() ? source.low() : source.high()) ^ seed;
    bits = (bits ^ bits >>> 32) * 0x9e37_79b9_7f4a_7c15L;
    bits = (bits ^ bits >>> 29) * 0xbf58_476d_1ce4_e5b9L;
    return (int) (bits >>> 54);
  }

  private boolean isOverLimit(int messages, DatagramSource source) {
    if (messages <= capacity / 2) {
      return false;
    }
    Set<IpAddress> reserved = known;
    return messages > capacity
        || (reserved != null && !reserved.contains(source.endpoint().address()));
  }

  /** Whether the queue takes no more messages of this source now. Thread-safe. */
  public boolean isFull(DatagramSource from) {
    return bySource.get(sourceClass(from)) >= share || isOverLimit(size.get() + 1, from);
  }

  /** Adds a message; false if the queue, or the source's share of it, is full. Thread-safe. */
  public boolean offer(byte[] message, Endpoint from) {
    int source = sourceClass(from);
    if (bySource.incrementAndGet(source) > share) {
      bySource.decrementAndGet(source);
      return false;
    }
    if (isOverLimit(size.incrementAndGet(), from)) {
      size.decrementAndGet();
      bySource.decrementAndGet(source);
      return false;
    }
    messages.add(new Message(message, from));
    return true;
  }

  /** For the control thread. */
  public @Nullable Message poll() {
    Message message = messages.poll();
    if (message != null) {
      bySource.decrementAndGet(sourceClass(message.from));
      size.decrementAndGet();
    }
    return message;
  }

  /** The messages now, oldest first. */
  public List<Message> messages() {
    return List.copyOf(messages);
  }

  /** Messages that wait. Thread-safe. */
  public int size() {
    return size.get();
  }

  public boolean isEmpty() {
    return size.get() == 0;
  }

  /**
   * Whether messages come faster than they are handled, now or within the last second: of all
   * sources, or of the source of the next message. For the control thread.
   */
  public boolean isUnderLoad(long nowNanos) {
    if (size.get() >= capacity / 8) {
      underLoadUntil = nowNanos + UNDER_LOAD_NANOS;
    }
    Message next = messages.peek();
    if (next == null) {
      return nowNanos < underLoadUntil;
    }
    int source = sourceClass(next.from);
    if (bySource.get(source) >= share / 2) {
      sourceUnderLoadUntil[source] = nowNanos + UNDER_LOAD_NANOS;
    }
    return nowNanos < Math.max(underLoadUntil, sourceUnderLoadUntil[source]);
  }
}
