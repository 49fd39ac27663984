// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;

/** Steps of a test that mostly wait, at the same time. */
public final class SideBySide {
  private SideBySide() {}

  /**
   * Runs all to their end.
   *
   * @throws java.util.concurrent.CompletionException if one has failed
   */
  public static void run(Runnable... steps) {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      CompletableFuture.allOf(
              Stream.of(steps)
                  .map(step -> CompletableFuture.runAsync(step, threads))
                  .toArray(CompletableFuture<?>[]::new))
          .join();
    }
  }
}
