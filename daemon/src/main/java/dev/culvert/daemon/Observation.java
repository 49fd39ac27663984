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
import dev.culvert.routing.Policy;
import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.GatewayStatus;
import dev.culvert.tunnel.gateway.RunningTunnel;
import dev.culvert.tunnel.lane.LaneCounter;
import dev.culvert.tunnel.runtime.LimitedLog;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Metrics and health of a gateway: opens and closes the endpoint as the configuration asks, and
 * reads the gateway for it. Nothing runs here while there is no endpoint.
 */
final class Observation implements Source, AutoCloseable {
  private static final LimitedLog LOG = LimitedLog.of(Observation.class);

  /** The longest wait of a scrape for lanes, which answer within a batch. */
  private static final Duration PATIENCE = Duration.ofMillis(100);

  private final Supplier<GatewayState> state;
  private final GuardLedger ledger;
  private final LaneUse laneUse = new LaneUse();
  private volatile Reading.Reload reload = new Reading.Reload(true, now());

  private @Nullable ObservabilityConfig config;
  private @Nullable Endpoint endpoint;
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
    if (endpoint != null && Objects.equals(config, wanted)) {
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
      LOG.info("endpoint", "metrics are at {}", wanted.listen());
    } catch (ConfigException e) {
      LOG.error("endpoint", "there are no metrics: {}; mend it and reload", e.getMessage());
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
      LOG.error("endpoint", "the former certificate stays: {}", e.getMessage());
    }
  }

  /** Tells that the configuration was read again. */
  void reloaded(boolean accepted) {
    reload = new Reading.Reload(accepted, accepted ? now() : reload.acceptedAt());
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

  @Override
  public Reading read() {
    GatewayState now = state.get();
    RunningTunnel tunnel = now.requireRunning().tunnel();
    EngineReading engine = null;
    KeysReading keys = null;
    try {
      engine = tunnel.reading();
      keys = now.requireRunning().keys();
    } catch (DeviceException e) {
      LOG.warn("reading", "the tunnel does not answer: {}", e.getMessage());
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
        now.requireKernel().repairs(),
        keys,
        api,
        reload,
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

  private static String version() {
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
    boolean control = true;
    try {
      tunnel.reading();
    } catch (DeviceException e) {
      control = false;
    }
    return Health.live(laneUse.of(tunnel.lanes(Health.STUCK)), control);
  }

  @Override
  public synchronized void close() {
    List<FileWatch> watched = new ArrayList<>(watches);
    watches = List.of();
    watched.forEach(FileWatch::close);
    if (endpoint != null) {
      endpoint.close();
      endpoint = null;
    }
  }
}
