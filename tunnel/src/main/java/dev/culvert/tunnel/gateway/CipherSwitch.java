// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.kernel.CompilerThreads;
import dev.culvert.tunnel.kernel.LibC;
import java.lang.management.ManagementFactory;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Switches to the fastest cipher once it is known. To measure the ciphers, the JVM has to compile
 * them first; until then the first backend carries the traffic. Compiling takes seconds of
 * processor time, so it starts after the first handshakes, once the packet path is compiled; lanes
 * have priority. The packet path is compiled by a rehearsal if there is no traffic, once with the
 * first cipher, which is there at once, and once with the fastest.
 */
final class CipherSwitch {
  private static final EventLog LOG = EventLog.of(CipherSwitch.class);

  private static final long DELAY_MILLIS = 500;

  /**
   * The niceness of this work: a lane that wants a processor too gets nine tenths of it. (Linux has
   * a niceness per thread.)
   */
  private static final int NICENESS = 10;

  /**
   * The niceness of this work and of each compiler while the ciphers are compiled, if the compilers
   * may be lowered: a lane gets three times as much as each of them. With more, the compilers would
   * need half a minute on a busy machine.
   */
  private static final int COMPILING_NICENESS = 5;

  /** Set to {@code false}, this system property keeps the first cipher. */
  private static final String PROPERTY = "culvert.cipher.switch";

  private volatile String cipher = "";

  /** The name of the backend in use; empty before {@link #start}. */
  String cipher() {
    return cipher;
  }

  /**
   * Starts in the background.
   *
   * @param demand tells of the gateway's traffic
   * @param rehearsal rehearses until there is traffic, with the cipher that new gateways get then
   * @param closed a latch that is open while the gateway is
   * @param use switches to a backend; called on any thread
   */
  void start(
      String device,
      AeadAlgorithm algorithm,
      Demand demand,
      Runnable rehearsal,
      CountDownLatch closed,
      Consumer<AeadBackend> use) {
    cipher = AeadBackends.first(algorithm).name();
    Thread.ofPlatform()
        .name(device + "-cipher")
        .daemon()
        .start(() -> measure(device, algorithm, demand, rehearsal, closed, use));
  }

  private void measure(
      String device,
      AeadAlgorithm algorithm,
      Demand demand,
      Runnable rehearsal,
      CountDownLatch closed,
      Consumer<AeadBackend> use) {
    try {
      if (closed.await(DELAY_MILLIS, TimeUnit.MILLISECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    try {
      LIBC.setpriority(LibC.PRIO_PROCESS, 0, NICENESS);
      new CompilerRest(
              ManagementFactory.getCompilationMXBean()::getTotalCompilationTime,
              System::nanoTime,
              demand::rest)
          .await();
      rehearsal.run();
      if ("false".equals(System.getProperty(PROPERTY))) {
        return;
      }
      AeadBackends.Selection selection = select(algorithm, demand);
      use.accept(selection.backend());
      cipher = selection.backend().name();
      LOG.info(
          LogEvent.CIPHER_CHOSEN,
          "{}: cipher {} of {}",
          Field.tunnel(device),
          cipher,
          selection.candidates());
      LIBC.setpriority(LibC.PRIO_PROCESS, 0, NICENESS);
      rehearsal.run();
    } catch (RuntimeException | LinkageError e) {
      // The first backend works, so a failure of another is no reason to end.
      LOG.failure(
          LogEvent.CIPHER_FAILED, e, "{}: the cipher stays {}", Field.tunnel(device), cipher);
    }
  }

  private static AeadBackends.Selection select(AeadAlgorithm algorithm, Demand demand) {
    try (CompilerThreads compilers = CompilerThreads.lowered(COMPILING_NICENESS)) {
      if (compilers.areLowered()) {
        LIBC.setpriority(LibC.PRIO_PROCESS, 0, COMPILING_NICENESS);
      }
      return CipherChoice.select(algorithm, demand::rest);
    }
  }
}
