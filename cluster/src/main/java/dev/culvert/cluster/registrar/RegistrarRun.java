// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.follow.FollowLimits;
import dev.culvert.cluster.follow.Threads;
import dev.culvert.cluster.follow.WakeUp;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A running registrar, alone or in the daemon of a control-plane node. Of several replicas one
 * leads, and only that one writes. Without a registrar everything that was accepted stays in force,
 * and new nodes wait.
 */
public final class RegistrarRun implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(RegistrarRun.class);

  /** Changes that come together are compared together. */
  private static final Duration TOGETHER = Duration.ofMillis(20);

  /** After a decision the registrar rests for as many times its length: a tenth of a processor. */
  private static final int REST = 9;

  private static final Duration AFTER_ERROR = Duration.ofSeconds(1);

  private final RegistrarKey key = RegistrarKey.generate(new SecureRandom());
  private final Counters counters = new Counters();
  private final LeaderLease lease;
  private final LeaseKeeper keeper;
  private final ClusterWatch watch;
  private final RegistrarLoop loop;
  private final WakeUp wakeUp = new WakeUp();
  private final Thread loopThread;
  private final Thread leaseThread;

  /** The failure that the last decision ended with. For the thread of decisions alone. */
  private @Nullable String failure;

  private RegistrarRun(KubeApi api, RegistrarConfig config, FollowLimits limits) {
    lease =
        new LeaderLease(
            RegistrarConfig.LEASE,
            config.replica() + "_" + UUID.randomUUID(),
            Map.of(RegistrarKey.ANNOTATION, key.publicKey()));
    keeper =
        new LeaseKeeper(
            api, config.namespace(), RegistrarConfig.LEASE, lease, wakeUp::call, System::nanoTime);
    watch = new ClusterWatch(api, config.ranges(), limits, wakeUp::call);
    Registrar registrar = new Registrar(key, config.settings());
    loop = new RegistrarLoop(api, registrar, lease, watch::seen, counters, System::nanoTime);
    loopThread = Thread.ofVirtual().name("registrar").unstarted(this::run);
    leaseThread = Thread.ofVirtual().name("registrar-lease").unstarted(keeper);
  }

  /**
   * Starts a registrar.
   *
   * @param api that stays open until this is closed; the caller closes it
   */
  public static RegistrarRun start(KubeApi api, RegistrarConfig config) {
    return start(api, config, FollowLimits.DEFAULT);
  }

  static RegistrarRun start(KubeApi api, RegistrarConfig config, FollowLimits limits) {
    RegistrarRun run = new RegistrarRun(api, config, limits);
    run.watch.start();
    run.leaseThread.start();
    run.loopThread.start();
    LOG.info(LogEvent.REGISTRAR_STARTED, "registrar {} started", config.replica());
    return run;
  }

  private void run() {
    try {
      while (true) {
        long wait;
        try {
          wait = loop.round();
          failure = null;
          long rest = REST * counters.lastDecisionNanos();
          Thread.sleep(Duration.ofNanos(Math.max(TOGETHER.toNanos(), rest)));
        } catch (RuntimeException e) {
          failed(e);
          wait = AFTER_ERROR.toNanos();
          Thread.sleep(AFTER_ERROR);
        }
        wakeUp.await(wait);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // The end, as it is meant.
    }
  }

  /** Logs a failure when it begins or changes, not each second. */
  private void failed(RuntimeException e) {
    if (!e.toString().equals(failure)) {
      failure = e.toString();
      LOG.per("decision")
          .failure(
              LogEvent.REGISTRAR_FAILED,
              e,
              "a decision of the registrar failed, and is made again until it does not");
    }
  }

  /** Counts of its work, for metrics and status. */
  public RegistrarStats stats() {
    return counters.stats(lease.holds(System.nanoTime()));
  }

  /** Why the registrar cannot see the whole cluster at the moment, or null. */
  public @Nullable String trouble() {
    return watch.trouble();
  }

  /** Ends writing, and then gives the Lease to another replica. */
  @Override
  public void close() {
    Threads.end(List.of(loopThread));
    loop.close();
    Threads.end(List.of(leaseThread));
    if (lease.holds(System.nanoTime())) {
      keeper.release(); // Else the API may be away, and the end would wait for it.
    }
    watch.close();
    key.close();
  }
}
