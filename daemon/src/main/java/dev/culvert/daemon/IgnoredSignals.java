// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.tunnel.kernel.LibC;

/** Signals that the parent process ignored, as nohup does: the JVM takes no handler for them. */
public final class IgnoredSignals {
  private IgnoredSignals() {}

  /** Makes the signal act from now on as if the parent had not ignored it. */
  public static void heed(int number) {
    LIBC.signal(number, LibC.SIG_DFL);
  }
}
