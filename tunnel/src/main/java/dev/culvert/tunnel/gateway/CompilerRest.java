// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import java.util.function.LongSupplier;

/**
 * Waits until the JVM has compiled most of the packet path. Before that, the vector ciphers would
 * only take the compiler, and the processors, away from it: they make up half of all that is
 * compiled.
 */
final class CompilerRest {
  /** Rests between two looks at the compiler. */
  static final int RESTS = 5;

  /** Looks before this waits no more. */
  static final int MOST_LOOKS = 16;

  /** The compiler is at rest if it works for less than this share of a processor. */
  private static final int REST_PERCENT = 30;

  private static final long NANOS_PER_MILLI = 1_000_000;

  private final LongSupplier compilingMillis;
  private final LongSupplier nanoClock;
  private final Runnable rest;

  /**
   * @param compilingMillis returns the time that all compiler threads have worked so far
   * @param nanoClock nanoseconds of any origin
   * @param rest returns after a moment, 0.1 s or more
   */
  CompilerRest(LongSupplier compilingMillis, LongSupplier nanoClock, Runnable rest) {
    this.compilingMillis = compilingMillis;
    this.nanoClock = nanoClock;
    this.rest = rest;
  }

  /** Waits, eight seconds at most if the rests are short. */
  void await() {
    for (int look = 0; look < MOST_LOOKS; look++) {
      long compiledBefore = compilingMillis.getAsLong();
      long began = nanoClock.getAsLong();
      for (int i = 0; i < RESTS; i++) {
        rest.run();
      }
      long passed = nanoClock.getAsLong() - began;
      long compiled = (compilingMillis.getAsLong() - compiledBefore) * NANOS_PER_MILLI;
      if (compiled * 100 < passed * REST_PERCENT) {
        return;
      }
    }
  }
}
