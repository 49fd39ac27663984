// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import java.util.Collection;

/** The end of threads. */
public final class Threads {
  private Threads() {}

  /** Interrupts threads, and waits for their end, even if this one is interrupted meanwhile. */
  public static void end(Collection<Thread> threads) {
    threads.forEach(Thread::interrupt);
    boolean interrupted = false;
    for (Thread thread : threads) {
      interrupted |= join(thread);
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Whether this thread was interrupted meanwhile. */
  private static boolean join(Thread thread) {
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        return interrupted;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
  }
}
