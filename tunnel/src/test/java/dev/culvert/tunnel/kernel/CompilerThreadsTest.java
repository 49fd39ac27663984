// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import static dev.culvert.tunnel.kernel.LibC.LIBC;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The compilers of the JVM wait longer for a processor, all other threads do not. */
final class CompilerThreadsTest {
  private static final int LOW = 7;

  private int usual;

  @BeforeEach
  void privileged() {
    usual = LIBC.getpriority(LibC.PRIO_PROCESS, 0);
    assumeTrue(
        LIBC.setpriority(LibC.PRIO_PROCESS, 0, usual - 1) == 0
            && LIBC.setpriority(LibC.PRIO_PROCESS, 0, usual) == 0,
        "needs root, for CAP_SYS_NICE");
  }

  @Test
  void onlyTheCompilersAreLoweredAndAllGetTheirNicenessBack() throws IOException {
    try (CompilerThreads lowered = CompilerThreads.lowered(LOW)) {
      assertTrue(lowered.areLowered());
      assertEquals(Set.of(LOW), nicenessOf(true));
      assertFalse(nicenessOf(false).contains(LOW));
    }
    assertEquals(Set.of(usual), nicenessOf(true));
  }

  @Test
  void theyAreLoweredUntilTheLastUserCloses() throws IOException {
    try (CompilerThreads first = CompilerThreads.lowered(LOW)) {
      CompilerThreads.lowered(LOW + 1).close();
      assertTrue(first.areLowered());
      assertEquals(Set.of(LOW), nicenessOf(true));
    }
    assertEquals(Set.of(usual), nicenessOf(true));
  }

  @Test
  void compilersThatWaitLongerAlreadyAreLeftAlone() throws IOException {
    try (CompilerThreads lowered = CompilerThreads.lowered(usual)) {
      assertFalse(lowered.areLowered());
      assertEquals(Set.of(usual), nicenessOf(true));
    }
  }

  /** Of the compilers, or of all other threads. */
  private static Set<Integer> nicenessOf(boolean compilers) throws IOException {
    Set<Integer> all =
        FoundThread.all().stream()
            .filter(thread -> thread.name().matches("C[12] Compiler.*") == compilers)
            .map(thread -> Integer.valueOf(thread.niceness()))
            .collect(Collectors.toSet());
    assertNotEquals(Set.of(), all);
    return all;
  }
}
