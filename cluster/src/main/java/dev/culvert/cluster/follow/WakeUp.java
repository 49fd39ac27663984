// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Lets a thread wait until other threads call it. Calls that come before the wait count as one. */
public final class WakeUp {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition called = lock.newCondition();
  private boolean due;

  /** Ends the wait, or the next one if no thread waits. */
  public void call() {
    lock.lock();
    try {
      due = true;
      called.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for a call, or until the time is over.
   *
   * @param nanos the longest wait
   */
  public void await(long nanos) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long left = nanos;
      while (!due && left > 0) {
        left = called.awaitNanos(left);
      }
      due = false;
    } finally {
      lock.unlock();
    }
  }
}
