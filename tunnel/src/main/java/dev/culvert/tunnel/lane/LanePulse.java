// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import java.lang.management.ManagementFactory;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Asks a lane's thread for signs of life, one at a time: a lane that is not asked does nothing for
 * it. Thread-safe.
 */
final class LanePulse {
  private final int lane;
  private final Executor loop;
  private @Nullable CompletableFuture<Long> question;
  private long askedAt;
  private volatile long thread = -1;

  LanePulse(int lane, Executor loop) {
    this.lane = lane;
    this.loop = loop;
  }

  /** Asks, unless a question is open. */
  synchronized CompletableFuture<Long> ask() {
    CompletableFuture<Long> asked = question;
    if (asked == null || isAnswered(asked)) {
      askedAt = System.nanoTime();
      asked = new CompletableFuture<>();
      question = asked;
      put(asked);
    }
    return asked;
  }

  private static boolean isAnswered(CompletableFuture<Long> asked) {
    return asked.isDone() && !asked.isCompletedExceptionally();
  }

  private void put(CompletableFuture<Long> asked) {
    try {
      loop.execute(
          () -> {
            thread = Thread.currentThread().threadId();
            asked.complete(thread);
          });
    } catch (RejectedExecutionException e) {
      asked.completeExceptionally(e); // The loop has ended, and stays silent.
    }
  }

  synchronized LaneReading read() {
    CompletableFuture<Long> asked = question;
    return new LaneReading(
        lane, asked == null || isAnswered(asked) ? 0 : System.nanoTime() - askedAt, cpuNanos());
  }

  private long cpuNanos() {
    long id = thread;
    return id < 0 ? -1 : ManagementFactory.getThreadMXBean().getThreadCpuTime(id);
  }
}
