// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Helps tests of ciphers that are fast, and right, only once the JVM has compiled them. */
final class CompiledCiphers {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final long PATIENCE_NANOS = 20_000_000_000L;
  private static final int MEASURED_TRAINS = 200;
  private static final int ATTEMPTS = 100;

  private CompiledCiphers() {}

  static void warmUp(AeadBackend backend, AeadAlgorithm algorithm) {
    WarmUp.run(
        backend,
        algorithm,
        new AeadBackends.Meters(
            System::nanoTime, THREADS::getCurrentThreadAllocatedBytes, Thread::onSpinWait),
        PATIENCE_NANOS);
  }

  /** The JVM may compile a little more once just this shape comes, so it gets some attempts. */
  static void assertAllocatesNothing(TrainCipher cipher, AeadKey key, PacketRun run) {
    long allocated = -1;
    for (int attempt = 0; attempt < ATTEMPTS && allocated != 0; attempt++) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int train = 0; train < MEASURED_TRAINS; train++) {
        cipher.seal(key, run.counting(run.firstCounter() + run.packets()));
        cipher.open(key, run);
      }
      allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
    }
    assertEquals(0, allocated, "bytes in " + MEASURED_TRAINS + " trains");
  }

  /** The output of {@code main} in a JVM of its own, which gets these options only. */
  static String outputOf(Class<?> main, String... options)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java"));
    command.addAll(List.of(options));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output.strip();
  }
}
