// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.cluster.ClusterFeed;
import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.cluster.claim.Publication;
import dev.culvert.cluster.claim.Publisher;
import dev.culvert.cluster.kube.KubeApi;
import dev.culvert.cluster.registrar.RegistrarConfig;
import dev.culvert.cluster.registrar.RegistrarRun;
import dev.culvert.daemon.admin.ControlPlaneView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Discovery through the Kubernetes API while a gateway runs: opens the API, publishes this node's
 * claim, and hands the newest snapshot to the gateway. If the API is away, all stays as it is.
 */
final class ApiDiscovery implements AutoCloseable {
  private static final EventLog log = EventLog.of(ApiDiscovery.class);

  /** Between two looks at whether the claim has changed. */
  private static final Duration LOOK = Duration.ofSeconds(1);

  /** Before a snapshot that could not be applied is tried again. */
  private static final Duration AGAIN = Duration.ofSeconds(5);

  /** The longest wait before a claim is looked at after the API was away. */
  private static final Duration AFTER_LOSS = Duration.ofSeconds(30);

  private static final RandomGenerator RANDOM = RandomGenerator.getDefault();

  /** The longest wait for the end. */
  private static final Duration END = Duration.ofSeconds(3);

  private final ClusterAccess access;
  private final KubernetesConfig config;
  private final Path file;
  private final OwnNode own;
  private final Follower follower;
  private final Thread publishing;
  private final Thread swapping;

  /** Guarded by this. */
  private @Nullable ClusterSnapshot newest;

  private volatile @Nullable ClusterFeed feed;
  private volatile @Nullable Publisher publisher;
  private volatile @Nullable RegistrarRun embedded;
  private volatile @Nullable String openError;
  private volatile @Nullable String swapError;
  private volatile boolean closed;

  /** Applies snapshots. */
  interface Follower {
    /**
     * Applies a snapshot, or leaves all as it was.
     *
     * @throws IOException if that failed: it is tried again
     */
    void follow(ClusterSnapshot snapshot) throws ConfigException, IOException;
  }

  ApiDiscovery(
      Machine machine,
      String interfaceName,
      KubernetesConfig config,
      OwnNode own,
      Follower follower) {
    access = machine.cluster();
    file = machine.rememberedCluster(interfaceName);
    this.config = config;
    this.own = own;
    this.follower = follower;
    publishing = Thread.ofPlatform().daemon().name(interfaceName + "-api").unstarted(this::publish);
    swapping = Thread.ofPlatform().daemon().name(interfaceName + "-nodes").unstarted(this::swap);
  }

  void start() {
    swapping.start();
    publishing.start();
  }

  private void publish() {
    try (KubeApi api = open()) {
      Publisher opened =
          new Publisher(api, own.name(), this::clusterUid, own.claim(), own.prover().apply(api));
      publisher = opened;
      try (ClusterFeed followed = access.feed(api, file)) {
        feed = followed;
        followed.start(this::offer);
        RegistrarConfig registrar = own.registrar();
        if (registrar == null) {
          publish(opened, followed);
        } else {
          try (RegistrarRun running = RegistrarRun.start(api, registrar)) {
            embedded = running;
            publish(opened, followed);
          }
        }
      }
    } catch (InterruptedException e) {
      log.debug(LogEvent.WATCH_ENDED, "the API is no longer followed");
    }
  }

  private void publish(Publisher opened, ClusterFeed followed) throws InterruptedException {
    while (!closed) {
      await(opened, followed, opened.step());
    }
  }

  private @Nullable String clusterUid() {
    ClusterFeed followed = feed;
    return followed == null ? null : followed.clusterUid();
  }

  private KubeApi open() throws InterruptedException {
    while (true) {
      try {
        KubeApi api = access.open(config);
        openError = null;
        return api;
      } catch (IOException | RuntimeException e) {
        if (!String.valueOf(e.getMessage()).equals(openError)) {
          openError = String.valueOf(e.getMessage());
          log.warn(
              LogEvent.API_UNREACHABLE,
              "the Kubernetes API cannot be asked: {}",
              Field.reason(openError));
        }
        Thread.sleep(AGAIN);
      }
    }
  }

  /**
   * Waits until the claim is to be looked at again: soon if it changed here, and within half a
   * minute if the API was away, since it may come back with an older state.
   */
  private static void await(Publisher opened, ClusterFeed followed, Duration most)
      throws InterruptedException {
    long failures = followed.state().failures();
    // Not the time of day, which may be set back by hours after the start of a machine.
    long end = System.nanoTime() + most.toNanos();
    while (!opened.isOutdated() && System.nanoTime() - end < 0) {
      long now = followed.state().failures();
      if (now != failures) {
        failures = now;
        // At different times on different nodes.
        long soon = System.nanoTime() + RANDOM.nextLong(AFTER_LOSS.toNanos());
        end = soon - end < 0 ? soon : end;
      }
      Duration left = Duration.ofNanos(Math.max(0, end - System.nanoTime()));
      Thread.sleep(left.compareTo(LOOK) < 0 ? left : LOOK);
    }
  }

  /** Takes a snapshot; one that was not applied yet is skipped. */
  private synchronized void offer(ClusterSnapshot snapshot) {
    newest = snapshot;
    notifyAll();
  }

  private synchronized ClusterSnapshot take() throws InterruptedException {
    while (newest == null) {
      wait();
    }
    ClusterSnapshot taken = newest;
    newest = null;
    return taken;
  }

  /** Offers a snapshot after a while, unless a newer one comes before. */
  private synchronized void offerAgain(ClusterSnapshot failed) throws InterruptedException {
    long end = System.nanoTime() + AGAIN.toNanos();
    while (newest == null) {
      long left = Duration.ofNanos(end - System.nanoTime()).toMillis();
      if (left <= 0) {
        newest = failed;
      } else {
        wait(left);
      }
    }
  }

  private void swap() {
    try {
      while (!closed) {
        ClusterSnapshot next = take();
        try {
          follower.follow(next);
          swapError = null;
        } catch (ConfigException | IOException | RuntimeException e) {
          swapFailed(String.valueOf(e.getMessage()));
          offerAgain(next);
        }
      }
    } catch (InterruptedException e) {
      log.debug(LogEvent.WATCH_ENDED, "snapshots are no longer applied");
    }
  }

  /** Logs a failure when it begins or changes, not at each attempt. */
  private void swapFailed(String message) {
    if (!message.equals(swapError)) {
      log.error(LogEvent.NODES_REFUSED, "the nodes in force stay: {}", Field.reason(message));
    }
    swapError = message;
  }

  /** Believes the lists that are held back. */
  void acceptHeld() {
    ClusterFeed followed = feed;
    if (followed != null) {
      followed.acceptHeld();
    }
  }

  /**
   * The state of the control plane for people.
   *
   * @param snapshot in force
   */
  ControlPlaneView view(ClusterSnapshot snapshot) {
    ClusterFeed followed = feed;
    Publisher opened = publisher;
    Publication published = opened == null ? null : opened.publication();
    ClusterFeed.State now = followed == null ? null : followed.state();
    return ControlPlaneView.of(
        own.name(), snapshot, now, published, openError, swapError, registrarView(), Instant.now());
  }

  private @Nullable String registrarView() {
    RegistrarRun running = embedded;
    if (running == null) {
      return null;
    }
    String trouble = running.trouble();
    return (running.stats().leads() ? "leads" : "stands by")
        + (trouble == null ? "" : ", " + trouble);
  }

  @Override
  public void close() {
    closed = true;
    publishing.interrupt();
    swapping.interrupt();
    try {
      // The state is kept, and another registrar gets the lease, if this end is not cut short.
      publishing.join(END);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
