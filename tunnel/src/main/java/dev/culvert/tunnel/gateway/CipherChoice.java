// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import com.sun.management.ThreadMXBean;
import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import java.lang.management.ManagementFactory;
import java.util.concurrent.locks.LockSupport;

/** Measures the ciphers with this JVM's clock and its count of allocated bytes. */
public final class CipherChoice {
  static final long REST_NANOS = 100_000_000;

  private CipherChoice() {}

  /** {@link AeadBackends#select}: takes seconds at first. */
  public static AeadBackends.Selection select(AeadAlgorithm algorithm) {
    return select(algorithm, () -> LockSupport.parkNanos(REST_NANOS));
  }

  /** {@link AeadBackends#compare}: takes seconds. */
  public static AeadBackends.Selection compare(AeadAlgorithm algorithm) {
    return AeadBackends.compare(algorithm, meters(() -> LockSupport.parkNanos(REST_NANOS)));
  }

  /** Selects a backend with other rests between the spells of work. */
  static AeadBackends.Selection select(AeadAlgorithm algorithm, Runnable rest) {
    return AeadBackends.select(algorithm, meters(rest));
  }

  private static AeadBackends.Meters meters(Runnable rest) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    return new AeadBackends.Meters(System::nanoTime, threads::getCurrentThreadAllocatedBytes, rest);
  }
}
