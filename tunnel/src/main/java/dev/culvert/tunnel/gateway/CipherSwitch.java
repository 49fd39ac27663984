package dev.culvert.tunnel.gateway;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.tunnel.kernel.LibC;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes the fastest cipher into use once that is known. What is fastest shows only once the JVM has
 * compiled it; until then the first backend carries the traffic. That takes a processor for
 * seconds, so the first handshakes get theirs before, lanes get theirs meanwhile, and without
 * traffic it goes on only now and then.
 */
final class CipherSwitch {
  private static final Logger LOG = LoggerFactory.getLogger(CipherSwitch.class);

  private static final long DELAY_MILLIS = 500;

  /** Where lanes want all processors they get nine tenths. (Linux keeps it for each thread.) */
  private static final int NICENESS = 10;

  private volatile String cipher = "";

  /** The name of the backend in use; empty before {@link #start}. */
  String cipher() {
    return cipher;
  }

  /**
   * Begins in the background.
   *
   * @param packets that the lanes have moved so far
   * @param closed open while the gateway is
   * @param use takes a backend into use, from any thread
   */
  void start(
      String device,
      AeadAlgorithm algorithm,
      LongSupplier packets,
      CountDownLatch closed,
      Consumer<AeadBackend> use) {
    Demand demand = new Demand(packets, LockSupport::parkNanos, () -> closed.getCount() == 0);
    cipher = AeadBackends.first(algorithm).name();
    Thread.ofPlatform()
        .name(device + "-cipher")
        .daemon()
        .start(() -> measure(device, algorithm, demand, closed, use));
  }

  private void measure(
      String device,
      AeadAlgorithm algorithm,
      Demand demand,
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
      AeadBackends.Selection selection = CipherChoice.select(algorithm, demand::rest);
      use.accept(selection.backend());
      cipher = selection.backend().name();
      LOG.info("{}: cipher {} of {}", device, cipher, selection.candidates());
    } catch (RuntimeException | LinkageError e) {
      // The first one works: that another cannot be had here is no reason to end.
      LOG.error("{}: the cipher stays {}", device, cipher, e);
    }
  }
}
