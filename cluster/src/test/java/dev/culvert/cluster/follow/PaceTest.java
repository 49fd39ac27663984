// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Holds how often a costly action is repeated. */
class PaceTest {
  private final Pace pace = new Pace(Duration.ofMillis(100), Duration.ofSeconds(5));

  @Test
  void anActionTakesNoMoreThanATwentiethOfTheTime() {
    assertEquals(Duration.ofSeconds(2), pace.restAfter(Duration.ofMillis(100)));
  }

  @Test
  void aLargeFileIsNotRewrittenForEachChangeHoweverFastTheDiskIs() {
    Duration fast = Duration.ofMillis(1);
    assertEquals(Duration.ofMillis(100), Pace.ofWriting(3).restAfter(fast));
    assertEquals(Duration.ofSeconds(1), Pace.ofWriting(1000).restAfter(fast));
    assertEquals(Duration.ofSeconds(5), Pace.ofWriting(100_000).restAfter(fast));
  }

  @Test
  void aCheapActionIsSoonRepeatedAndACostlyOneIsNotPutOffForEver() {
    assertEquals(Duration.ofMillis(100), pace.restAfter(Duration.ofMillis(1)));
    assertEquals(Duration.ofSeconds(5), pace.restAfter(Duration.ofSeconds(3)));
  }
}
