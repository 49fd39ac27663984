// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.cluster.ClusterSnapshot;
import dev.culvert.daemon.admin.AdminServer;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.KubernetesConfig;
import dev.culvert.daemon.config.NamedPeer;
import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.daemon.config.ready.Desired;
import dev.culvert.daemon.handover.HandoverServer;
import dev.culvert.daemon.handover.Parcel;
import dev.culvert.daemon.socket.Handed;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.gateway.Descriptors;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.RunningTunnel;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.port.OfFamilies;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A gateway that runs from a configuration file. The guard is put in place before the device and is
 * never removed here, so that traffic to be encrypted does not leave in clear, whichever way the
 * daemon ends.
 *
 * <p>{@link ConfigChanges} has the changes while it runs.
 */
public final class GatewayDaemon implements AutoCloseable {
  private static final EventLog log = EventLog.of(GatewayDaemon.class);

  /** The longest wait for name servers at a start; names without an answer are resolved later. */
  private static final Duration NAMES_PATIENCE = Duration.ofSeconds(5);

  private final Path file;
  private final Machine machine;
  private final StateInForce state;
  private final Observation observation;
  private final ConfigChanges changes;
  private final StoredQueues stored;

  /** Called once, when this process is about to be the one that serves, or is. */
  private final Runnable whenServing;

  private @Nullable AdminServer admin;

  private @Nullable HandoverServer handovers;

  private volatile ServiceReport report = ServiceReport.NONE;
  private volatile boolean stopped;

  /** Whether another process has taken over. */
  private volatile boolean handedOver;

  private volatile @Nullable Upgrade upgrade;

  private volatile @Nullable String failure;

  private GatewayDaemon(
      GatewayState state, Machine machine, ServiceManager manager, Runnable whenServing) {
    this.file = state.source().path();
    this.machine = machine;
    this.state = new StateInForce(state);
    observation = new Observation(this.state::get, machine.network());
    changes = new ConfigChanges(machine, this.state, observation);
    stored = new StoredQueues(manager, state.config().interfaceName());
    this.whenServing = whenServing;
  }

  /** Like the other one, on a machine without a service manager. */
  public static GatewayDaemon start(Path file, Machine machine)
      throws ConfigException, IOException {
    return start(file, machine, ServiceManager.NONE, () -> {});
  }

  /**
   * Brings the gateway up. If that fails, only the guard stays.
   *
   * @param manager keeps the interface, so that it outlives a crash; an interface that it has kept
   *     is continued
   * @param whenServing called when the gateway is up: from then on a signal is for the gateway
   * @throws ConfigException if the file cannot be used, and nothing was changed; or if a key in it
   *     cannot be used, and the guard stands
   */
  public static GatewayDaemon start(
      Path file, Machine machine, ServiceManager manager, Runnable whenServing)
      throws ConfigException, IOException {
    ConfigFile source = ConfigFile.open(file);
    GatewayConfig config = BootGuard.parseOrGuard(source, machine);
    ClusterSnapshot known = machine.remembered(config);
    GatewayDaemon daemon =
        new GatewayDaemon(new GatewayState(source, config, known), machine, manager, whenServing);
    config.warnings().forEach(GatewayDaemon::warn);
    try {
      daemon.start(config);
      return daemon;
    } catch (ConfigException | IOException | RuntimeException e) {
      daemon.close();
      throw e;
    }
  }

  /**
   * Continues the gateway of another process, which then ends: without a pause that a user would
   * notice. Without such a process this is a {@link #start(Path, Machine, ServiceManager,
   * Runnable)}.
   *
   * @param manager the same one that the other process has
   * @param whenServing called when this process is about to be the one that serves: from then on a
   *     signal is for the gateway
   * @throws ConfigException if the file cannot be used: the other process goes on
   * @throws IOException if the other process does not hand over, or this one cannot take over: the
   *     other process goes on
   */
  public static GatewayDaemon replace(
      Path file, Machine machine, ServiceManager manager, Runnable whenServing)
      throws ConfigException, IOException {
    ConfigFile source = ConfigFile.open(file);
    GatewayConfig config = machine.read(source);
    Succession succession = succession(source, config, machine).orElse(null);
    if (succession == null) {
      Succession.comeFirst();
      return start(file, machine, manager, whenServing);
    }
    ClusterSnapshot known = machine.remembered(config);
    GatewayDaemon daemon =
        new GatewayDaemon(new GatewayState(source, config, known), machine, manager, whenServing);
    config.warnings().forEach(GatewayDaemon::warn);
    daemon.stored.ignore();
    try (succession) {
      return daemon.succeedOrClose(succession);
    }
  }

  /** If that fails, this lets everything go before the predecessor hears of it. */
  private GatewayDaemon succeedOrClose(Succession succession) throws ConfigException, IOException {
    try {
      succeed(succession);
      return this;
    } catch (ConfigException | IOException | RuntimeException e) {
      close();
      throw e;
    }
  }

  private static Optional<Succession> succession(
      ConfigFile source, GatewayConfig config, Machine machine)
      throws ConfigException, IOException {
    String name = config.interfaceName();
    if (!machine.adminClient().isRunning(name)) {
      return Optional.empty();
    }
    if (!config.routes() && machine.runState().exists(name)) {
      throw ConfigChanges.routesStay(source.path());
    }
    if (machine.runState().isElsewhere(name)) {
      throw new DeviceException(
          name + " runs in another network namespace: use 'culvert upgrade " + name + "'",
          Errno.EINVAL);
    }
    // A rehearsal takes long, so key files that would be refused after it are refused before.
    Desired.of(config).close();
    return Succession.begin(
        machine.adminDirectory(),
        name,
        GatewayHandover.engine(config),
        GatewayHandover.cipher(config),
        KernelSide.classifies(config));
  }

  private void start(GatewayConfig config) throws ConfigException, IOException {
    Guarded.refuseRunning(machine, config.interfaceName());
    // Guard and rules come before the device to which they lead, and before keys and names, so that
    // a missing key or name does not keep them from being put in place.
    List<Integer> left = stored.take(machine.tunnels());
    KernelSide kernel =
        KernelSide.start(config, file, machine, 0, !left.isEmpty(), this::guardUnattended);
    state.change(now -> now.with(kernel));
    Succession.requireSettings();
    Running running;
    Desired.makeKeyIfMissing(config, new SecureRandom());
    try (Desired desired = Desired.of(config)) {
      running =
          left.isEmpty()
              ? Running.open(machine, desired, kernel.mtu(config))
              : continueOn(left, desired, kernel.mtu(config));
    }
    state.change(now -> now.with(running));
    kernel.classify(config, running.tunnel());
    if (!left.isEmpty()) {
      begin(running.tunnel());
    }
    serve(kernel, running, null);
    whenServing.run();
  }

  /** If that fails, the next start begins anew. */
  private Running continueOn(List<Integer> left, Desired desired, int mtu)
      throws ConfigException, IOException {
    Descriptors queues = new Descriptors(left, OfFamilies.NONE, OfFamilies.NONE);
    try {
      Running running = Running.inherit(machine, desired, mtu, queues);
      state.change(now -> now.with(running));
      running.restore(null, desired);
      return running;
    } catch (ConfigException | IOException | RuntimeException e) {
      stored.remove();
      throw e;
    }
  }

  /**
   * Moves packets on an interface that a process before this one left. Packets that wait are as old
   * as its end: their senders have sent them again or given them up, there is no session yet to
   * send them by, and the configuration may be another one than they were sent under.
   */
  private void begin(RunningTunnel tunnel) throws IOException {
    int discarded = tunnel.discardWaiting();
    tunnel.begin();
    log.info(
        LogEvent.INTERFACE_CONTINUED,
        "{} goes on with the interface of the process before, and new sessions; {} packets that"
            + " waited in it were dropped",
        Field.tunnel(interfaceName()),
        discarded);
  }

  /** Takes over from another process, which moves packets until then. */
  private void succeed(Succession succession) throws ConfigException, IOException {
    Parcel from = succession.prepare();
    // Again, since the other process may have changed its configuration until now.
    GatewayConfig config = readAgain();
    if (from == null) {
      start(config);
      return;
    }
    try (Desired desired = Desired.of(config)) {
      KernelSide kernel =
          KernelSide.start(
              config, file, machine, from.tunnel().port(), true, this::guardUnattended);
      state.change(now -> now.with(kernel));
      Running running = Running.inherit(machine, desired, kernel.mtu(config), from.tunnel());
      state.change(now -> now.with(running));
      kernel.classify(config, running.tunnel());
      Succession.Result result =
          succession.take(
              running.tunnel(), saved -> restoreOrLetGo(kernel, running, desired, saved));
      observation.tookOver(result.withSessions(), result.gap());
      // Until the names are resolved, peers are where they were.
      kernel.peersAt(places(config, running));
      serve(kernel, running, from);
    }
  }

  private GatewayConfig readAgain() throws ConfigException, IOException {
    ConfigFile source = ConfigFile.open(file);
    GatewayConfig before = state.get().config();
    GatewayConfig config = machine.read(source);
    if (!config.interfaceName().equals(before.interfaceName())
        || config.routes() != before.routes()) {
      throw ConfigChanges.routesStay(file);
    }
    changes.beginWith(source, config, machine.remembered(config));
    return config;
  }

  private static Set<IpAddress> places(GatewayConfig config, Running running) throws IOException {
    List<String> named = config.namedPeers().stream().map(NamedPeer::id).toList();
    return running.signs(named).values().stream()
        .flatMap(sign -> Stream.ofNullable(sign.at()))
        .map(Endpoint::address)
        .collect(Collectors.toSet());
  }

  /** If that fails, the predecessor keeps the kernel's state again, and finds nobody else there. */
  private void restoreOrLetGo(
      KernelSide kernel, Running running, Desired desired, @Nullable StateReader saved)
      throws ConfigException, IOException {
    try {
      restore(running, desired, saved);
    } catch (ConfigException | IOException | RuntimeException e) {
      kernel.close();
      throw e;
    }
  }

  private void restore(Running running, Desired desired, @Nullable StateReader saved)
      throws ConfigException, IOException {
    if (saved != null) {
      try {
        observation.restore(saved);
      } catch (StateException e) {
        throw DeviceException.unreadable(e);
      }
    }
    running.restore(saved, desired);
    whenServing.run();
    Succession.requireNotEnding();
  }

  /**
   * Everything that follows once the tunnel is there.
   *
   * @param from has the sockets of another process; null if this one makes its own
   */
  private void serve(KernelSide kernel, Running running, @Nullable Parcel from) throws IOException {
    stored.keep(running.tunnel());
    running.serve(machine, from == null ? Handed.NOTHING : from.uapi());
    kernel.lead(state.get().config(), running.tunnel());
    makeApi(running);
    AdminAnswers answers =
        new AdminAnswers(
            state::get,
            observation::overview,
            this::reload,
            this::stop,
            observation::metrics,
            () -> upgrade);
    admin =
        AdminServer.open(
            machine.adminDirectory(),
            interfaceName(),
            answers::answer,
            from == null ? Handed.NOTHING : from.admin());
    handovers = HandoverServer.open(machine.adminDirectory(), new GatewayHandover(this));
    logUp(state.get().view(null));
    // Sessions that continue need not wait for names.
    follow(kernel, running, from == null ? NAMES_PATIENCE : Duration.ZERO);
  }

  /** It is part of the state before anybody can ask for that. */
  private void makeApi(Running running) throws IOException {
    if (state.get().config().discovery() instanceof KubernetesConfig kubernetes) {
      OwnNode own = OwnNode.of(machine, () -> state.get().config(), kubernetes, running);
      ApiDiscovery api =
          new ApiDiscovery(machine, interfaceName(), kubernetes, own, changes::followSnapshot);
      state.change(now -> now.with(api));
    }
  }

  /** Follows files, names and the API from now on. */
  private void follow(KernelSide kernel, Running running, Duration patience) {
    observation.follow();
    changes.follow(kernel, running, patience);
    ApiDiscovery api = state.get().api();
    if (api != null) {
      api.start();
    }
  }

  // ---------------------------------------------------------------- hand-over

  GatewayState state() {
    return state.get();
  }

  Observation observation() {
    return observation;
  }

  AdminServer admin() {
    return Objects.requireNonNull(admin);
  }

  /** Stops to follow anything and to repair the kernel's state. Packets are moved as before. */
  void freeze() throws IOException {
    changes.freeze();
    observation.close();
    stopFollowing(state.get());
  }

  private static void stopFollowing(GatewayState last) {
    if (last.api() != null) {
      last.api().close();
    }
    if (last.names() != null) {
      last.names().close();
    }
    if (last.kernel() != null) {
      last.kernel().close();
    }
  }

  /** Undoes {@link #freeze}: guards and steers again by the configuration in force. */
  void thaw() throws IOException {
    Running running = state.get().requireRunning();
    observation.keptAnew(state.get().requireKernel());
    KernelSide kernel =
        KernelSide.start(
            state.get().config(),
            file,
            machine,
            running.tunnel().listenPort(),
            true,
            this::guardUnattended);
    state.change(now -> now.with(kernel));
    makeApi(running);
    follow(kernel, running, Duration.ZERO);
  }

  /** Ends this process's part of the gateway, which another process has. */
  void leave(long successor) {
    handedOver = true;
    report.handedOver(successor);
    Thread.ofPlatform().name("leave").start(this::endDevice);
  }

  /** Starts successors of this process by {@code successors}, when an operator asks for one. */
  public void upgradeBy(Upgrade successors) {
    successors.tellFailures(observation::handoverFailed);
    upgrade = successors;
  }

  /** Whether another process has taken over. */
  public boolean wasHandedOver() {
    return handedOver;
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
   * Reads the file again, applies the changes and resolves peers' names again. Sessions of peers
   * that stay go on.
   *
   * @throws ConfigException if the file cannot be used; the gateway stays as it was
   */
  public void reload() throws ConfigException, IOException {
    report.reloading();
    try {
      changes.reload();
    } finally {
      report.reloaded();
    }
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

  /** Tells a service manager from now on that the gateway is ready, lives, reloads or ends. */
  public void reportTo(ServiceManager manager) {
    ServiceReport begun = new ServiceReport(manager, observation::ready, observation::live);
    report = begun;
    begun.start();
  }

  /** The interface's name, which does not change while the daemon runs. */
  public String interfaceName() {
    return state.get().config().interfaceName();
  }

  /** Whether {@code culvert down} asked for the end. */
  public boolean wasStopped() {
    return stopped;
  }

  /** The reason why the daemon ended by itself, if it did. */
  public Optional<String> failure() {
    Running running = state.get().running();
    return Optional.ofNullable(failure)
        .or(() -> running == null ? Optional.empty() : running.tunnel().failure());
  }

  /** Waits until the link is deleted, a part failed, or {@link #close} is called. */
  public void awaitClosed() throws InterruptedException {
    Running running = state.get().running();
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
    Thread.ofPlatform().name("give-up").start(this::endDevice);
  }

  private void stop() {
    stopped = true;
    Thread.ofVirtual().name("stop").start(this::closeDevice);
  }

  /**
   * Ends because somebody wants so: {@link #awaitClosed} returns, {@link #close} does the rest, and
   * no process continues the interface.
   */
  public void closeDevice() {
    if (!handedOver) {
      stored.remove();
    }
    endDevice();
  }

  /** After a failure the manager keeps the interface. */
  private void endDevice() {
    report.stopping();
    Running running = state.get().running();
    if (running != null) {
      running.end();
    }
  }

  /** Removes the device and the sockets; the guard stays. May be called again. */
  @Override
  public void close() throws IOException {
    report.close();
    changes.close();
    if (handovers != null) {
      handovers.close();
    }
    observation.close();
    GatewayState last = state.get();
    stopFollowing(last);
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
