// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The compilers of the JVM wait longer for a processor, all other threads do not. */
final class CompilerThreadsTest {
  private static final int LOW = 7;

  @BeforeEach
  void privileged() {
    assumeTrue("root".equals(System.getProperty("user.name")), "needs root, for CAP_SYS_NICE");
  }

  @Test
  void onlyTheCompilersAreLoweredAndAllGetTheirNicenessBack() throws IOException {
    int own = LIBC.getpriority(LibC.PRIO_PROCESS, 0);
    Map<String, Integer> before = compilers();
    assertNotEquals(Map.of(), before);
    try (CompilerThreads _ = CompilerThreads.lowered(LOW)) {
      for (Map.Entry<String, Integer> compiler : compilers().entrySet()) {
        assertEquals(LOW, compiler.getValue(), compiler.getKey());
      }
      assertEquals(own, LIBC.getpriority(LibC.PRIO_PROCESS, 0));
    }
    compilers().forEach((thread, niceness) -> assertEquals(own, niceness, thread));
    assertEquals(own, LIBC.getpriority(LibC.PRIO_PROCESS, 0));
  }

  /** The niceness of each, by its name and number. */
  private static Map<String, Integer> compilers() throws IOException {
    Map<String, Integer> all = new TreeMap<>();
    try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
      for (Path task : tasks.toList()) {
        String name = Files.exists(task) ? Files.readString(task.resolve("comm")).strip() : "";
        if (name.startsWith("C1 Compiler") || name.startsWith("C2 Compiler")) {
          int thread = Integer.parseInt(task.getFileName().toString());
          all.put(name + " " + thread, LIBC.getpriority(LibC.PRIO_PROCESS, thread));
        }
      }
    }
    return all;
  }
}
