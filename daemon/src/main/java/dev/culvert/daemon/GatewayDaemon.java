// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.daemon.admin.AdminServer;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.DiscoveryConfig;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.daemon.config.read.KnownCluster;
import dev.culvert.daemon.config.ready.Desired;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.gateway.RunningTunnel;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A gateway that runs from a configuration file. The guard is put in place before the device and is
 * never removed here, so that traffic to be encrypted does not leave in clear, whichever way the
 * daemon ends.
 *
 * <p>Start and reload replace {@link #state} under this object's lock; reads need no lock.
 */
public final class GatewayDaemon implements AutoCloseable {
  private static final EventLog log = EventLog.of(GatewayDaemon.class);

  /**
   * The longest wait for name servers at a start or reload; names without an answer are resolved
   * later.
   */
  private static final Duration NAMES_PATIENCE = Duration.ofSeconds(5);

  private final Path file;
  private final Machine machine;
  private final Discovery discovery;
  private final Observation observation;
  private final SecureRandom random = new SecureRandom();
  private volatile GatewayState state;
  private @Nullable AdminServer admin;

  /** The newest snapshot of the API, in force or not. Guarded by this. */
  private ClusterSnapshot newest;

  /** Whether peers were taken away and the configuration in force has them still. */
  private boolean behind;

  /** Why guard and rules could not go back to the configuration in force. Guarded by this. */
  private @Nullable String steerBackFailure;

  private volatile ServiceReport report = ServiceReport.NONE;
  private volatile boolean stopped;
  private volatile @Nullable String failure;

  private GatewayDaemon(GatewayState state, Machine machine) {
    this.file = state.source().path();
    this.machine = machine;
    this.state = state;
    newest = state.snapshot();
    observation = new Observation(() -> this.state, machine.network());
    discovery = new Discovery(state.config().interfaceName(), this::followDiscovery);
  }

  /**
   * Brings the gateway up. If that fails, only the guard stays.
   *
   * @throws ConfigException if the file cannot be used, and nothing was changed; or if a key in it
   *     cannot be used, and the guard stands
   */
  public static GatewayDaemon start(Path file, Machine machine)
      throws ConfigException, IOException {
    ConfigFile source = ConfigFile.open(file);
    GatewayConfig config = BootGuard.parseOrGuard(source, machine);
    ClusterSnapshot known = machine.remembered(config);
    GatewayDaemon daemon = new GatewayDaemon(new GatewayState(source, config, known), machine);
    config.warnings().forEach(GatewayDaemon::warn);
    try {
      daemon.start(config);
      return daemon;
    } catch (ConfigException | IOException | RuntimeException e) {
      daemon.close();
      throw e;
    }
  }

  private void start(GatewayConfig config) throws ConfigException, IOException {
    Guarded.refuseRunning(machine, config.interfaceName());
    // Guard and rules come before the device to which they lead, and before keys and names, so that
    // a missing key or name does not keep them from being put in place.
    KernelSide kernel = KernelSide.start(config, file, machine, this::guardUnattended);
    state = state.with(kernel);
    Running running;
    try (Desired desired = Desired.of(config, random)) {
      running = Running.open(machine, desired, kernel.mtu(config));
    }
    state = state.with(running);
    if (config.discovery() instanceof KubernetesConfig kubernetes) {
      // It is part of the state before anybody can ask for that.
      OwnNode own = OwnNode.of(machine, () -> state.config(), kubernetes, running);
      state =
          state.with(
              new ApiDiscovery(machine, interfaceName(), kubernetes, own, this::followSnapshot));
    }
    kernel.lead(config, running.tunnel());
    AdminAnswers answers =
        new AdminAnswers(
            () -> state, observation::overview, this::reload, this::stop, observation::metrics);
    admin = AdminServer.open(machine.adminDirectory(), config.interfaceName(), answers::answer);
    logUp(state.view());
    synchronized (this) {
      discovery.watch(state.config().discovery());
    }
    observation.follow();
    followNames(kernel, running);
    ApiDiscovery api = state.api();
    if (api != null) {
      api.start();
    }
  }

  private static void warn(String warning) {
    log.warn(LogEvent.CONFIG_WARNING, "{}", warning);
  }

  private static void logUp(GatewayView view) {
    log.info(
        LogEvent.GATEWAY_UP,
        "{} is up: {}, {} peers, UDP port {}{}",
        Field.tunnel(view.interfaceName()),
        view.engine(),
        view.peers().size(),
        view.listenPort(),
        view.publicKey() == null ? "" : ", public key " + view.publicKey());
  }

  /**
   * Goes on without a peer that has no address, since the other peers work and the guard stands.
   */
  private void followNames(KernelSide kernel, Running running) {
    PeerNames names = new PeerNames(interfaceName(), machine.names(), running, kernel::peersAt);
    synchronized (this) {
      names.follow(state.config().namedPeers());
      state = state.with(names);
    }
    names.await(NAMES_PATIENCE);
  }

  /**
   * Reads the file again, applies the changes and resolves peers' names again. Sessions of peers
   * that stay go on.
   *
   * @throws ConfigException if the file cannot be used; the gateway stays as it was
   */
  public void reload() throws ConfigException, IOException {
    report.reloading();
    try {
      reloadReported();
    } finally {
      report.reloaded();
    }
  }

  private void reloadReported() throws ConfigException, IOException {
    boolean accepted = false;
    try {
      readAgain();
      accepted = true;
    } finally {
      observation.reloaded(accepted);
    }
    observation.follow();
    PeerNames names = state.names();
    if (names != null) {
      names.askAnew(NAMES_PATIENCE);
    }
    log.info(LogEvent.CONFIG_RELOADED, "{} reloaded {}", Field.tunnel(interfaceName()), file);
  }

  private synchronized void readAgain() throws ConfigException, IOException {
    ConfigFile source = ConfigFile.open(file);
    // Not the snapshot in force, which may have nodes that are gone.
    GatewayConfig wanted = source.parse(known(newest));
    wanted.warnings().forEach(GatewayDaemon::warn);
    state.requireKernel().check(wanted);
    become(source, wanted, newest);
    behind = false;
    discovery.watch(wanted.discovery());
  }

  /** Reloads for a signal, which has no answer, so a failure is logged. */
  public void reloadLogged() {
    try {
      reload();
    } catch (ConfigException | IOException | RuntimeException e) {
      log.error(
          LogEvent.CONFIG_REFUSED,
          "reload failed, the running state stays: {}",
          Field.reason(e.getMessage()));
    }
  }

  /**
   * Reads the nodes again, but not the configuration file: the configuration stays as it was read
   * last.
   */
  private synchronized void followDiscovery() {
    GatewayState now = state;
    long began = System.nanoTime();
    boolean accepted = false;
    try {
      GatewayConfig wanted = now.source().parse();
      if (!wanted.equals(now.config())) {
        become(now.source(), wanted, now.snapshot());
        observation.nodesApplied(System.nanoTime() - began);
        log.info(
            LogEvent.NODES_FOLLOWED,
            "{} follows {}",
            Field.tunnel(interfaceName()),
            source(wanted));
      }
      accepted = true;
    } catch (ConfigException | IOException | RuntimeException e) {
      log.error(
          LogEvent.NODES_REFUSED,
          "{}: the nodes in force stay: {}",
          Field.tunnel(interfaceName()),
          Field.reason(e.getMessage()));
    } finally {
      observation.nodesRead(accepted);
    }
  }

  /**
   * Follows the Kubernetes API. Peers that are gone lose their keys before anything else happens:
   * their ranges may be another node's from now on.
   */
  private synchronized void followSnapshot(ClusterSnapshot snapshot)
      throws ConfigException, IOException {
    long began = System.nanoTime();
    newest = snapshot;
    GatewayState now = state;
    GatewayConfig wanted = parseOrForget(now, snapshot);
    if (!behind && wanted.equals(now.config())) {
      state = now.with(now.source(), wanted, snapshot);
      return;
    }
    forgetAllBut(wanted.peerIds());
    Set<String> before = Set.copyOf(now.config().warnings());
    wanted.warnings().stream()
        .filter(warning -> !before.contains(warning))
        .forEach(GatewayDaemon::warn);
    become(now.source(), wanted, snapshot);
    behind = false;
    observation.nodesApplied(System.nanoTime() - began);
    log.info(
        LogEvent.NODES_FOLLOWED, "{} follows {}", Field.tunnel(interfaceName()), source(wanted));
  }

  /** The configuration with a snapshot; if there can be none, nodes that are gone go anyway. */
  private GatewayConfig parseOrForget(GatewayState now, ClusterSnapshot snapshot)
      throws ConfigException, IOException {
    try {
      return now.source().parse(known(snapshot));
    } catch (ConfigException e) {
      Set<String> present = new HashSet<>();
      for (ClusterSnapshot.Member member : snapshot.members()) {
        present.add(member.name());
        if (member.publicKey() != null) {
          present.add(member.publicKey());
        }
      }
      forgetAllBut(present);
      throw e;
    }
  }

  private void forgetAllBut(Collection<String> peers) throws IOException {
    Set<String> gone = new HashSet<>(state.config().peerIds());
    gone.removeAll(peers);
    behind = true;
    state.requireRunning().forget(gone);
  }

  private KnownCluster known(ClusterSnapshot snapshot) throws IOException {
    return state.config().discovery() instanceof KubernetesConfig
        ? machine.known(snapshot, state.requireRunning().identity().publicKey())
        : KnownCluster.NOTHING;
  }

  private static @Nullable String source(GatewayConfig config) {
    DiscoveryConfig discovery = config.discovery();
    return discovery == null ? null : discovery.source();
  }

  private void become(ConfigFile source, GatewayConfig wanted, ClusterSnapshot snapshot)
      throws ConfigException, IOException {
    GatewayState before = state;
    requireSameShape(before.config(), wanted);
    try (Desired desired = Desired.of(wanted, random)) {
      RunningTunnel tunnel = before.requireRunning().tunnel();
      int port = tunnel.listenPort();
      observation.settle(before.config(), wanted);
      int changed = applyOrSteerBack(before, wanted, desired);
      state = before.with(source, wanted, snapshot);
      if (before.names() != null) {
        before.names().follow(wanted.namedPeers());
      }
      before.requireKernel().follow(before.config(), wanted, tunnel, port);
      log.info(
          LogEvent.CONFIG_APPLIED, "{}: {} peers changed", Field.tunnel(interfaceName()), changed);
    }
  }

  private void requireSameShape(GatewayConfig now, GatewayConfig wanted) throws ConfigException {
    if (!wanted.interfaceName().equals(now.interfaceName())
        || wanted.lanes() != now.lanes()
        || wanted.routes() != now.routes()
        || !wanted.engine().getClass().equals(now.engine().getClass())) {
      throw ConfigException.of(
          file,
          "the engine, the interface's name, lanes and routes change only with 'culvert down' and"
              + " 'culvert up'");
    }
    boolean api =
        now.discovery() instanceof KubernetesConfig
            || wanted.discovery() instanceof KubernetesConfig;
    if (api
        && !(Objects.equals(now.discovery(), wanted.discovery())
            && now.cluster().self().equals(wanted.cluster().self()))) {
      throw ConfigException.of(
          file,
          "discovery.kubernetes, and with it the node's name, change only with 'culvert down' and"
              + " 'culvert up'");
    }
  }

  /**
   * Applies a configuration. If that fails, guard and rules go back to the configuration that stays
   * in force.
   */
  private int applyOrSteerBack(GatewayState now, GatewayConfig wanted, Desired desired)
      throws ConfigException, IOException {
    KernelSide kernel = now.requireKernel();
    Running running = now.requireRunning();
    try {
      kernel.steer(wanted, running.tunnel());
      int changed = running.apply(desired);
      steerBackFailure = null;
      return changed;
    } catch (Throwable e) {
      try {
        kernel.steer(now.config(), running.tunnel());
      } catch (IOException | RuntimeException inner) {
        steerBackFailed(String.valueOf(inner.getMessage()));
        e.addSuppressed(inner);
      }
      throw e;
    }
  }

  /** Logs a failure when it begins or changes: snapshots are tried again every few seconds. */
  private void steerBackFailed(String reason) {
    if (!reason.equals(steerBackFailure)) {
      log.error(
          LogEvent.GUARD_UNCERTAIN,
          "{}: guard and rules may not be those of the configuration in force: {}",
          Field.tunnel(interfaceName()),
          Field.reason(reason));
    }
    steerBackFailure = reason;
  }

  /** Tells a service manager from now on that the gateway is ready, lives, reloads or ends. */
  public void reportTo(ServiceManager manager) {
    ServiceReport begun = new ServiceReport(manager, observation::ready, observation::live);
    report = begun;
    begun.start();
  }

  /** The interface's name, which does not change while the daemon runs. */
  public String interfaceName() {
    return state.config().interfaceName();
  }

  /** Whether {@code culvert down} asked for the end. */
  public boolean wasStopped() {
    return stopped;
  }

  /** The reason why the daemon ended by itself, if it did. */
  public Optional<String> failure() {
    Running running = state.running();
    return Optional.ofNullable(failure)
        .or(() -> running == null ? Optional.empty() : running.tunnel().failure());
  }

  /** Waits until the link is deleted, a part failed, or {@link #close} is called. */
  public void awaitClosed() throws InterruptedException {
    Running running = state.running();
    if (running != null) {
      running.tunnel().awaitClosed();
    }
  }

  /**
   * Ends the daemon after the repairs have failed; {@link #awaitClosed} returns, and the guard
   * stays.
   */
  private void guardUnattended(Throwable cause) {
    giveUp("routes, rules and guard were no longer kept: " + cause);
  }

  /** Ends the daemon after a vital part failed; the guard stays. */
  public void giveUp(String reason) {
    failure = reason;
    Thread.ofPlatform().name("give-up").start(this::closeDevice);
  }

  private void stop() {
    stopped = true;
    Thread.ofVirtual().name("stop").start(this::closeDevice);
  }

  /** Lets {@link #awaitClosed} return; {@link #close} does the rest. */
  public void closeDevice() {
    report.stopping();
    Running running = state.running();
    if (running != null) {
      running.end();
    }
  }

  /** Removes the device and the sockets; the guard stays. May be called again. */
  @Override
  public void close() throws IOException {
    report.close();
    synchronized (this) {
      discovery.close();
    }
    observation.close();
    GatewayState last = state;
    if (last.api() != null) {
      last.api().close();
    }
    if (last.names() != null) {
      last.names().close();
    }
    if (last.kernel() != null) {
      last.kernel().close();
    }
    try {
      if (last.running() != null) {
        last.running().close();
      }
    } finally {
      if (admin != null) {
        admin.close();
      }
    }
  }
}
