// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.MINUTES;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.tunnel.esp.HandOverScene.Kind;
import dev.culvert.tunnel.esp.global.GlobalKeying;
import dev.culvert.tunnel.esp.global.KeyFile;
import dev.culvert.tunnel.esp.global.RotationRefusedException;
import dev.culvert.tunnel.esp.global.TestKeys;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Processes are replaced while the global key is rotated. */
final class HandOverRotationTest {
  private final HandOverScene scene = new HandOverScene(Kind.GLOBAL);

  /** Something that happens at a time. */
  private record Step(long at, Runnable action) {}

  private void rotate(HandOverStation station, int... ids) {
    station.keyings = seed -> HandOverScene.global(true, seed, ids);
    try (KeyFile file = TestKeys.file(ids)) {
      ((GlobalKeying) station.keying()).rotate(file, scene.network.now);
    } catch (RotationRefusedException e) {
      throw new AssertionError(e);
    }
  }

  /** The successor begins with the new file, which the process before did not have. */
  private void rotateByHandOver(HandOverStation station, int... ids) {
    station.keyings = seed -> HandOverScene.global(true, seed, ids);
    station.handOver(scene.network.now);
  }

  private int sendingUnder(HandOverStation station) {
    return station.engine().securityAssociations(scene.network.now).stream()
        .filter(SaStatus::outbound)
        .mapToInt(SaStatus::spi)
        .findFirst()
        .orElse(0);
  }

  static IntStream seeds() {
    return IntStream.range(0, 60);
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void itEndsInTheNewKeyWithNothingLost(int seed) {
    scene.connect();
    Random random = new Random(seed);
    long begin = scene.network.now;
    List<Step> steps = new ArrayList<>();
    for (HandOverStation station : List.of(scene.alice, scene.bob)) {
      boolean byHandOver = random.nextInt(3) == 0;
      int[] ids = random.nextBoolean() ? new int[] {4} : new int[] {3, 4};
      steps.add(
          new Step(
              begin + random.nextLong(SECONDS.toNanos(4)),
              () -> {
                if (byHandOver) {
                  rotateByHandOver(station, ids);
                } else {
                  rotate(station, ids);
                }
              }));
    }
    for (int i = 0; i < 6; i++) {
      HandOverStation station = random.nextBoolean() ? scene.alice : scene.bob;
      steps.add(
          new Step(
              begin + random.nextLong(SECONDS.toNanos(7)),
              () -> station.handOver(scene.network.now)));
    }
    steps.sort(Comparator.comparingLong(Step::at));
    for (Step step : steps) {
      while (scene.network.now + MILLISECONDS.toNanos(10) < step.at) {
        scene.traffic(1);
      }
      // To any moment between two packets.
      scene.network.run(Math.max(0, step.at - scene.network.now));
      step.action.run();
    }
    scene.traffic(500);
    scene.network.run(MINUTES.toNanos(6));
    scene.assertConnected();
    assertEquals(4, sendingUnder(scene.alice));
    assertEquals(4, sendingUnder(scene.bob));
    List<Integer> all = IntStream.rangeClosed(1, scene.number).boxed().toList();
    assertEquals(all, scene.bob.deliveredNumbers().stream().sorted().toList());
    assertEquals(all, scene.alice.deliveredNumbers().stream().sorted().toList());
    assertEquals(0, scene.sealed.repeated);
  }

  @Test
  void aKeyThatOnlyThePeerStillNeedsIsHandedOver() {
    scene.connect();
    rotate(scene.alice, 4);
    scene.traffic(300);
    scene.alice.handOver(scene.network.now);
    GlobalKeying keying = (GlobalKeying) scene.alice.keying();
    assertEquals(1 << 3 | 1 << 4, keying.heldKeys());
    assertEquals(4, keying.publishedKey());
    // Keys are renewed under the key that only the peer publishes.
    scene.network.run(MINUTES.toNanos(70));
    scene.assertConnected();
    assertEquals(3, sendingUnder(scene.alice));
    rotate(scene.bob, 4);
    scene.traffic(500);
    assertEquals(4, sendingUnder(scene.alice));
    scene.network.run(MINUTES.toNanos(6));
    assertEquals(1 << 4, keying.heldKeys());
  }

  @Test
  void theStateOfARotationIsTheSameAfterwards() {
    scene.connect();
    rotate(scene.alice, 3, 4);
    scene.traffic(300);
    GlobalKeying before = (GlobalKeying) scene.alice.keying();
    scene.alice.handOver(scene.network.now);
    GlobalKeying after = (GlobalKeying) scene.alice.keying();
    assertEquals(before.pairs(), List.of());
    assertEquals("bob", after.pairs().getFirst().peer());
    assertEquals(3, after.pairs().getFirst().agreed());
    assertEquals(3, after.pairs().getFirst().peerPublished());
  }
}
