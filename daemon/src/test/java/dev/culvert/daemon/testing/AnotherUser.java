// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.testing;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Does work of a test as user nobody. Classes that the work needs are loaded before, since nobody
 * may not read the folders of all checkouts.
 */
public final class AnotherUser {
  private static final int NOBODY = 65534;

  private AnotherUser() {}

  /** The result of the work, or its exception. */
  public static <T> T call(Callable<T> work) throws Exception {
    assumeTrue(LIBC.geteuid() == 0, "only root can become another user");
    CompletableFuture<T> result = new CompletableFuture<>();
    // The system call, unlike the C library's function, changes the calling thread alone.
    Thread.ofPlatform()
        .start(
            () -> {
              long setresuid = System.getProperty("os.arch").equals("aarch64") ? 147 : 117;
              LIBC.syscall(setresuid, -1, NOBODY, -1);
              try {
                result.complete(work.call());
              } catch (Throwable e) {
                result.completeExceptionally(e);
              }
            })
        .join();
    try {
      return result.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof Exception cause) {
        throw cause;
      }
      throw e;
    }
  }
}
