// SPDX-License-Identifier: Apache-2.0
package dev.culvert.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** The newest lines are kept, and their number and size have bounds. */
class RecentLinesTest {
  private final RecentLines recent = new RecentLines();

  @Test
  void theNewestLinesStayInTheirOrder() {
    for (int i = 0; i < RecentLines.MOST_LINES + 10; i++) {
      recent.add("line " + i);
    }
    assertEquals(RecentLines.MOST_LINES, recent.lines().size());
    assertEquals("line 10", recent.lines().getFirst());
    assertEquals("line " + (RecentLines.MOST_LINES + 9), recent.lines().getLast());
  }

  @Test
  void longLinesDoNotTakeMoreMemory() {
    String line = "x".repeat(RecentLines.MOST_CHARACTERS / 10);
    for (int i = 0; i < 100; i++) {
      recent.add(line);
    }
    recent.add("x".repeat(3 * RecentLines.MOST_CHARACTERS));
    int characters = recent.lines().stream().mapToInt(String::length).sum();
    assertTrue(characters <= RecentLines.MOST_CHARACTERS, characters + " characters");
    assertEquals(1, recent.lines().size());
  }
}
