// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.admin.ControlPlaneView;
import dev.culvert.daemon.admin.OverviewView.Amount;
import dev.culvert.daemon.admin.RoutesView.ExplanationView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.ObservabilityConfig;
import dev.culvert.daemon.observe.Endpoint;
import dev.culvert.daemon.observe.Health;
import dev.culvert.daemon.observe.KeysReading;
import dev.culvert.daemon.observe.Reading;
import dev.culvert.daemon.observe.Source;
import dev.culvert.daemon.steer.GuardLedger;
import dev.culvert.daemon.steer.Network;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LineLimit;
import dev.culvert.log.LogEvent;
import dev.culvert.routing.Policy;
import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.gateway.GatewayStatus;
import dev.culvert.tunnel.gateway.RunningTunnel;
import dev.culvert.tunnel.lane.LaneCounter;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Metrics and health of a gateway: opens and closes the endpoint as the configuration asks, and
 * reads the gateway for it. Nothing runs here while there is no endpoint.
 */
final class Observation implements Source, AutoCloseable {
  private static final EventLog LOG = EventLog.of(Observation.class);

  private static final Duration RETRY = Duration.ofSeconds(2);

  /** The longest wait of a scrape for lanes, which answer within a batch. */
  private static final Duration PATIENCE = Duration.ofMillis(100);

  private final Supplier<GatewayState> state;
  private final GuardLedger ledger;
  private final LaneUse laneUse = new LaneUse();
  private final Object asking = new Object();

  /** The last question to the control thread. Guarded by {@link #asking}. */
  private @Nullable FutureTask<EngineReading> asked;

  private volatile Reading.Reload reload = new Reading.Reload(true, now());
  private volatile boolean nodesAccepted = true;
  private volatile Reading.Applied applied = Reading.Applied.NONE;
  private volatile Reading.Handovers handovers = Reading.Handovers.NONE;

  /** The process that failed last to take over. */
  private long lastFailed;

  /** The repairs of predecessors. */
  private volatile Reading.Repairs repairedBefore = Reading.Repairs.NONE;

  private @Nullable ObservabilityConfig config;
  private @Nullable Endpoint endpoint;
  private boolean retrying;
  private List<FileWatch> watches = List.of();

  /**
   * @param state the state in force
   */
  Observation(Supplier<GatewayState> state, Network network) {
    this.state = state;
    ledger = new GuardLedger(network);
  }

  private static double now() {
    return System.currentTimeMillis() / 1e3;
  }

  /**
   * Opens the endpoint that the configuration in force asks for, if it is not open. A failure is
   * logged: packets must not be lost because of their counters.
   */
  synchronized void follow() {
    ObservabilityConfig wanted = state.get().config().observability();
    if (endpoint != null && wanted != null && wanted.opensLike(config)) {
      return;
    }
    close();
    config = wanted;
    if (wanted != null) {
      open(wanted);
      watches =
          files(wanted).map(file -> FileWatch.start("metrics-files", file, this::renew)).toList();
    }
  }

  private static Stream<Path> files(ObservabilityConfig wanted) {
    ObservabilityConfig.Tls tls = wanted.tls();
    return tls == null
        ? Stream.of()
        : Stream.of(tls.certificate(), tls.key(), tls.clientCa()).filter(Objects::nonNull);
  }

  private void open(ObservabilityConfig wanted) {
    try {
      endpoint = Endpoint.open(wanted, this);
      LOG.info(LogEvent.METRICS_OPENED, "metrics are at {}", wanted.listen());
    } catch (ConfigException e) {
      LOG.per("endpoint")
          .error(
              LogEvent.METRICS_FAILED,
              "there are no metrics: {}; this is tried again every {} s",
              Field.reason(e.getMessage()),
              RETRY.toSeconds());
      if (!retrying) {
        retrying = true;
        Thread.ofVirtual().name("metrics-retry").start(this::retry);
      }
    }
  }

  /**
   * Tries once more to open the endpoint. Its address may be free by now: a program that was being
   * started held the former socket for a moment.
   */
  private void retry() {
    try {
      Thread.sleep(RETRY);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    synchronized (this) {
      retrying = false;
      if (endpoint == null && config != null) {
        open(config);
      }
    }
  }

  /** Takes in files of TLS that have changed. */
  private synchronized void renew() {
    ObservabilityConfig wanted = config;
    if (wanted == null) {
      return;
    }
    try {
      Endpoint old = endpoint;
      if (old != null && !old.isOutdated(wanted)) {
        return;
      }
      if (old != null) {
        old.close();
        endpoint = null;
      }
      open(wanted);
    } catch (ConfigException e) {
      LOG.per("endpoint")
          .error(
              LogEvent.CERTIFICATE_REFUSED,
              "the former certificate stays: {}",
              Field.reason(e.getMessage()));
    }
  }

  /** All series now, in Prometheus' text format; null if there is no endpoint. */
  @Nullable String metrics() {
    Endpoint open;
    synchronized (this) {
      open = endpoint;
    }
    // Outside the lock, since this waits for threads and a reload must not wait for it.
    return open == null ? null : open.text();
  }

  /** Tells that the configuration was read again, and the file of nodes with it. */
  void reloaded(boolean accepted) {
    reload = new Reading.Reload(accepted, accepted ? now() : reload.acceptedAt());
    if (accepted) {
      nodesAccepted = true;
    }
  }

  /** Tells that the file of nodes alone was read again. */
  void nodesRead(boolean accepted) {
    nodesAccepted = accepted;
  }

  /** Tells that changed nodes are in force. For one caller at a time. */
  void nodesApplied(long nanos) {
    applied = applied.plus(nanos);
  }

  /** Entries that were repaired by this gateway, in all its processes; null without routes. */
  private Reading.@Nullable Repairs repairs(GatewayState now) {
    Reading.Repairs here = now.requireKernel().repairs();
    return here == null ? null : here.plus(repairedBefore);
  }

  /** Tells that another part keeps the kernel's state from now on. */
  void keptAnew(KernelSide before) {
    Reading.Repairs done = before.repairs();
    if (done != null) {
      repairedBefore = repairedBefore.plus(done);
    }
  }

  /** Tells that this process has taken the gateway over. */
  void tookOver(boolean withSessions, Duration gap) {
    handovers = handovers.done(withSessions, gap);
  }

  /**
   * Tells that another process did not take the gateway over. It counts once, though both its
   * request and its end tell.
   *
   * @param successor its id; 0 if it is in another PID namespace
   */
  synchronized void handoverFailed(long successor) {
    if (successor == 0 || successor != lastFailed) {
      lastFailed = successor;
      handovers = handovers.withFailed();
    }
  }

  /** Writes the counts that another process continues. */
  void save(StateWriter out) {
    Reading.Repairs done = Objects.requireNonNullElse(repairs(state.get()), repairedBefore);
    out.int64(handovers.ok()).int64(handovers.fresh()).int64(handovers.failed());
    out.int64(done.routing()).int64(done.nft());
    ledger.save(out);
  }

  /** Continues the counts of another process. */
  void restore(StateReader in) throws StateException {
    handovers = new Reading.Handovers(in.int64(), in.int64(), in.int64(), Double.NaN);
    repairedBefore = new Reading.Repairs(in.int64(), in.int64());
    ledger.restore(in);
  }

  /** Has the packets until now judged by the policy of {@code before}, which another replaces. */
  void settle(GatewayConfig before, GatewayConfig next) {
    Policy policy = before.cluster().policy();
    if (before.observability() != null
        && before.routes()
        && !policy.equals(next.cluster().policy())) {
      ledger.settle(policy, System.nanoTime());
    }
  }

  /** Only some exporters show this node's key, and a reload holds up who asks for it. */
  private static boolean isKeyShown(GatewayConfig config) {
    ObservabilityConfig observability = config.observability();
    return observability != null
        && !Set.of(ObservabilityConfig.Compat.EXPORTER).containsAll(observability.compat());
  }

  @Override
  public Reading read() {
    GatewayState now = state.get();
    RunningTunnel tunnel = now.requireRunning().tunnel();
    EngineReading engine = null;
    KeysReading keys = null;
    String publicKey = null;
    try {
      engine = answer(ask(tunnel), System.nanoTime() + Health.STUCK.toNanos());
      keys = now.requireRunning().keys();
      publicKey = isKeyShown(now.config()) ? now.requireRunning().identity().keyText() : null;
    } catch (IOException e) {
      LOG.per("reading")
          .warn(
              LogEvent.METRICS_INCOMPLETE,
              "the tunnel does not answer: {}",
              Field.reason(e.getMessage()));
    }
    ControlPlaneView api = now.api() == null ? null : now.api().view(now.snapshot());
    return new Reading(
        version(),
        now(),
        now.config(),
        tunnel.listenPort(),
        tunnel.status(),
        engine,
        laneUse.of(tunnel.lanes(PATIENCE)),
        now.config().routes()
            ? ledger.read(now.config().cluster().policy(), System.nanoTime())
            : null,
        repairs(now),
        keys,
        api,
        publicKey,
        new Reading.Reload(reload.successful() && nodesAccepted, reload.acceptedAt()),
        applied,
        handovers,
        LineLimit.ofProcess().suppressed(),
        tunnel.failure().orElse(null));
  }

  @Override
  public List<Amount> traffic() {
    GatewayStatus status = state.get().requireRunning().tunnel().status();
    return List.of(
        new Amount(status.count(LaneCounter.PACKETS_SENT), status.count(LaneCounter.BYTES_SENT)),
        new Amount(
            status.count(LaneCounter.PACKETS_DELIVERED),
            status.count(LaneCounter.BYTES_DELIVERED)));
  }

  @Override
  public ExplanationView explain(List<String> ends) throws IOException {
    GatewayState now = state.get();
    return Objects.requireNonNull(
        now.requireKernel().plan(now.config()).routes(ends).explanation());
  }

  /** The version of this program. */
  static String version() {
    return Objects.requireNonNullElse(
        Observation.class.getPackage().getImplementationVersion(), "unpackaged");
  }

  /** Whether packets of this node are encrypted and delivered now. */
  Health ready() {
    return Health.ready(read());
  }

  @Override
  public Health live() {
    RunningTunnel tunnel = state.get().requireRunning().tunnel();
    long end = System.nanoTime() + Health.STUCK.toNanos();
    // Asked before the lanes, so that both waits together are no longer than one.
    FutureTask<EngineReading> control = ask(tunnel);
    List<Reading.Lane> lanes = laneUse.of(tunnel.lanes(Health.STUCK));
    return Health.live(lanes, answers(control, end));
  }

  /**
   * Asks the control thread from a thread that waits for it longer than a caller does. While a
   * question has no answer, there is no second one.
   */
  private FutureTask<EngineReading> ask(RunningTunnel tunnel) {
    synchronized (asking) {
      FutureTask<EngineReading> last = asked;
      if (last != null && !last.isDone()) {
        return last;
      }
      FutureTask<EngineReading> next = new FutureTask<>(tunnel::reading);
      Thread.ofVirtual().name("engine-reading").start(next);
      asked = next;
      return next;
    }
  }

  private static boolean answers(FutureTask<EngineReading> question, long endNanos) {
    try {
      answer(question, endNanos);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Waits for an answer of the control thread.
   *
   * @param endNanos until when, in monotonic time
   * @throws IOException if there is none until then, with the reason
   */
  private static EngineReading answer(FutureTask<EngineReading> question, long endNanos)
      throws IOException {
    try {
      return question.get(Math.max(0, endNanos - System.nanoTime()), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
      throw new IOException(String.valueOf(cause.getMessage()), e);
    } catch (TimeoutException e) {
      throw new IOException("no answer within " + Health.STUCK.toSeconds() + " s", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  @Override
  public synchronized void close() {
    List<FileWatch> watched = new ArrayList<>(watches);
    watches = List.of();
    config = null;
    watched.forEach(FileWatch::close);
    if (endpoint != null) {
      endpoint.close();
      endpoint = null;
    }
  }
}
