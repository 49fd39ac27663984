package dev.culvert.tunnel.gateway;

import com.sun.management.ThreadMXBean;
import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import java.lang.management.ManagementFactory;

/** Measures the ciphers with this JVM's clock and its count of allocated bytes. */
public final class CipherChoice {
  private CipherChoice() {}

  /** {@link AeadBackends#select}: takes seconds at first. */
  public static AeadBackends.Selection select(AeadAlgorithm algorithm) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    return AeadBackends.select(
        algorithm,
        new AeadBackends.Meters(System::nanoTime, threads::getCurrentThreadAllocatedBytes));
  }
}
