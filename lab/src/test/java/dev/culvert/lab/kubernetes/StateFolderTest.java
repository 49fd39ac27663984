// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.kubernetes;

import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A folder with keys is gone in the end, even if the lab and its end delete it side by side. */
final class StateFolderTest {
  private static final int DELETERS = 4;
  private static final int ROUNDS = 20;

  @TempDir private Path directory;

  @Test
  void severalThreadsMayDeleteItAtOnce() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(DELETERS)) {
      for (int round = 0; round < ROUNDS; round++) {
        StateFolder folder = filled("folder-" + round);
        CyclicBarrier together = new CyclicBarrier(DELETERS);
        List<Future<?>> deletions = new ArrayList<>();
        for (int i = 0; i < DELETERS; i++) {
          deletions.add(
              threads.submit(
                  () -> {
                    together.await();
                    folder.delete();
                    return null;
                  }));
        }
        for (Future<?> deletion : deletions) {
          deletion.get();
        }
        assertFalse(Files.exists(folder.path()));
      }
    }
  }

  private StateFolder filled(String name) throws IOException {
    StateFolder folder = StateFolder.create(directory.resolve(name));
    for (int i = 0; i < 20; i++) {
      Path inner = Files.createDirectories(folder.resolve("a" + i).resolve("b"));
      for (int j = 0; j < 10; j++) {
        Files.writeString(inner.resolve("file-" + j), "key");
      }
    }
    return folder;
  }
}
