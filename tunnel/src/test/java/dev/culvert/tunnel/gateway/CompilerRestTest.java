// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** The ciphers are warmed once the JVM has little else to compile. */
class CompilerRestTest {
  private static final int REST_MILLIS = 100;

  private long millis;
  private long compiled;
  private int rests;

  private int restsWith(int compilingPercent, int busyRests) {
    new CompilerRest(
            () -> compiled,
            () -> millis * 1_000_000,
            () -> {
              rests++;
              millis += REST_MILLIS;
              compiled += rests <= busyRests ? compilingPercent : 0;
            })
        .await();
    return rests;
  }

  @Test
  void aCompilerAtRestIsSeenAtTheFirstLook() {
    assertEquals(CompilerRest.RESTS, restsWith(29, Integer.MAX_VALUE));
  }

  @Test
  void aBusyCompilerIsWaitedFor() {
    assertEquals(4 * CompilerRest.RESTS, restsWith(150, 3 * CompilerRest.RESTS));
  }

  @Test
  void aCompilerThatIsAlwaysBusyIsNotWaitedForForever() {
    assertEquals(CompilerRest.MOST_LOOKS * CompilerRest.RESTS, restsWith(31, Integer.MAX_VALUE));
  }
}
