// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

/** The priority of threads beside those that move packets. */
public final class ThreadPriority {
  /**
   * With this niceness, lanes get nine tenths of the processors if they want all. (Linux has a
   * niceness per thread.)
   */
  private static final int NICENESS = 10;

  private ThreadPriority() {}

  /**
   * Lets packets go before the work of the calling thread, which has to be a platform thread. It
   * cannot be undone without a right, so the thread should end with that work.
   */
  public static void yieldToPackets() {
    LIBC.setpriority(LibC.PRIO_PROCESS, 0, NICENESS);
  }
}
