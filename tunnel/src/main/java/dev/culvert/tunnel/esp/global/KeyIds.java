// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

/**
 * Ids of global keys: 1 to 15 on a circle, 1 follows 15. Of two ids the newer is the one that lies
 * 1 to 7 steps ahead, so that of two different ids one is always newer.
 */
final class KeyIds {
  static final int MAX = 15;
  private static final int HALF = MAX / 2;

  private KeyIds() {}

  static boolean isValid(int id) {
    return id >= 1 && id <= MAX;
  }

  static int next(int id) {
    return id % MAX + 1;
  }

  /** Steps from {@code from} forward to {@code to}: 0 to 14. */
  static int steps(int from, int to) {
    return Math.floorMod(to - from, MAX);
  }

  static boolean isNewer(int id, int than) {
    int steps = steps(than, id);
    return steps >= 1 && steps <= HALF;
  }

  static int older(int a, int b) {
    return isNewer(a, b) ? b : a;
  }
}
