// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class GreetingsTest {
  private static final int NODES = 5000;
  private static final long SPREAD = Duration.ofSeconds(1).toNanos() * NODES / Greetings.PER_SECOND;

  private final List<Integer> greeted = new ArrayList<>();

  private void advance(Greetings<Integer> greetings, long now, int most) {
    greetings.advance(now, NODES, most, greeted::add);
  }

  @Test
  void newNodeIsGreetedByTheOthersOneAfterTheOther() {
    List<Greetings<Integer>> others = new ArrayList<>();
    for (int i = 0; i < NODES; i++) {
      Greetings<Integer> other = new Greetings<>(new Random(i));
      other.add(i);
      advance(other, -1, 1);
      others.add(other);
    }
    for (int second = 1; second <= SPREAD / 1_000_000_000L; second++) {
      int before = greeted.size();
      long now = Duration.ofSeconds(second).toNanos() - 1;
      others.forEach(other -> advance(other, now, 1));
      int inSecond = greeted.size() - before;
      assertEquals(Greetings.PER_SECOND, inSecond, 0.2 * Greetings.PER_SECOND, "second " + second);
    }
    assertEquals(NODES, greeted.size());
    others.forEach(other -> assertEquals(Long.MAX_VALUE, other.nextNanos()));
  }

  @Test
  void thoseThatAreDueTogetherLeaveOtherWorkItsTurn() {
    Greetings<Integer> greetings = new Greetings<>(new Random(1));
    for (int i = 0; i < 100; i++) {
      greetings.add(i);
    }
    advance(greetings, 0, 64);
    assertTrue(greeted.size() < 64, "their turns are yet to come");
    int before = greeted.size();
    advance(greetings, SPREAD, 64);
    assertEquals(64, greeted.size() - before);
    assertTrue(greetings.nextNanos() <= SPREAD);
    advance(greetings, SPREAD, 64);
    assertEquals(100, greeted.size());
  }
}
