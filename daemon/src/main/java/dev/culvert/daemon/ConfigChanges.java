// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.cluster.ClusterSnapshot;
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
import dev.culvert.tunnel.port.Offload;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Changes the configuration of a gateway that runs: when its file is read again, and when the nodes
 * change, in a file or in the Kubernetes API. A change is applied whole, or the configuration
 * before stays in force.
 *
 * <p>One change at a time, under this object's lock; reads of the state need no lock.
 */
final class ConfigChanges implements AutoCloseable {
  private static final EventLog log = EventLog.of(ConfigChanges.class);

  /** The longest wait for name servers at a reload; names without an answer are resolved later. */
  private static final Duration NAMES_PATIENCE = Duration.ofSeconds(5);

  private final Path file;
  private final String name;
  private final Machine machine;
  private final StateInForce state;
  private final Observation observation;
  private final Discovery discovery;

  /** The newest snapshot of the API, in force or not. Guarded by this. */
  private ClusterSnapshot newest;

  /** Whether peers were taken away and the configuration in force has them still. */
  private boolean behind;

  /** Why guard and rules could not go back to the configuration in force. Guarded by this. */
  private @Nullable String steerBackFailure;

  /** Whether nothing may change at present. Guarded by this. */
  private boolean frozen;

  /**
   * @param state in force, which changes replace
   */
  ConfigChanges(Machine machine, StateInForce state, Observation observation) {
    this.machine = machine;
    this.state = state;
    this.observation = observation;
    GatewayState first = state.get();
    file = first.source().path();
    name = first.config().interfaceName();
    newest = first.snapshot();
    discovery = new Discovery(name, this::followDiscovery);
  }

  /** Replaces a configuration that was read and is not in force yet. */
  synchronized void beginWith(ConfigFile source, GatewayConfig config, ClusterSnapshot snapshot) {
    newest = snapshot;
    state.change(now -> now.with(source, config, snapshot));
  }

  /**
   * Follows the file of nodes and peers' names from now on. Goes on without a peer that has no
   * address, since the other peers work and the guard stands.
   *
   * @param patience the longest wait for names that are new
   */
  void follow(KernelSide kernel, Running running, Duration patience) {
    PeerNames names = new PeerNames(name, machine.names(), running, kernel::peersAt);
    synchronized (this) {
      frozen = false;
      discovery.watch(state.get().config().discovery());
      names.follow(state.get().config().namedPeers());
      state.change(now -> now.with(names));
    }
    names.await(patience);
  }

  /** Lets nothing change until {@link #follow}, since another process is about to take over. */
  synchronized void freeze() {
    frozen = true;
    discovery.close();
  }

  private void refuseWhileFrozen() throws IOException {
    if (frozen) {
      throw new IOException(
          name + " is being handed over to another process; try again in a moment");
    }
  }

  private static void warn(String warning) {
    log.warn(LogEvent.CONFIG_WARNING, "{}", warning);
  }

  void reload() throws ConfigException, IOException {
    boolean accepted = false;
    try {
      readAgain();
      accepted = true;
    } finally {
      observation.reloaded(accepted);
    }
    PeerNames names = state.get().names();
    if (names != null) {
      names.askAnew(NAMES_PATIENCE);
    }
    log.info(LogEvent.CONFIG_RELOADED, "{} reloaded {}", Field.tunnel(name), file);
  }

  private synchronized void readAgain() throws ConfigException, IOException {
    refuseWhileFrozen();
    ConfigFile source = ConfigFile.open(file);
    // Not the snapshot in force, which may have nodes that are gone.
    GatewayConfig wanted = source.parse(known(newest));
    wanted.warnings().forEach(ConfigChanges::warn);
    state.get().requireKernel().check(wanted);
    become(source, wanted, newest);
    behind = false;
    discovery.watch(wanted.discovery());
    observation.follow();
  }

  /**
   * Reads the nodes again, but not the configuration file: the configuration stays as it was read
   * last.
   */
  private synchronized void followDiscovery() {
    if (frozen) {
      return; // The successor reads it.
    }
    GatewayState now = state.get();
    long began = System.nanoTime();
    boolean accepted = false;
    try {
      GatewayConfig wanted = now.source().parse();
      if (!wanted.equals(now.config())) {
        become(now.source(), wanted, now.snapshot());
        observation.nodesApplied(System.nanoTime() - began);
        log.info(LogEvent.NODES_FOLLOWED, "{} follows {}", Field.tunnel(name), source(wanted));
      }
      accepted = true;
    } catch (ConfigException | IOException | RuntimeException e) {
      log.error(
          LogEvent.NODES_REFUSED,
          "{}: the nodes in force stay: {}",
          Field.tunnel(name),
          Field.reason(e.getMessage()));
    } finally {
      observation.nodesRead(accepted);
    }
  }

  /**
   * Follows the Kubernetes API. Peers that are gone lose their keys before anything else happens:
   * their ranges may be another node's from now on.
   */
  synchronized void followSnapshot(ClusterSnapshot snapshot) throws ConfigException, IOException {
    refuseWhileFrozen();
    long began = System.nanoTime();
    newest = snapshot;
    GatewayState now = state.get();
    GatewayConfig wanted = parseOrForget(now, snapshot);
    if (!behind && wanted.equals(now.config())) {
      state.change(last -> last.with(now.source(), wanted, snapshot));
      return;
    }
    forgetAllBut(wanted.peerIds());
    Set<String> before = Set.copyOf(now.config().warnings());
    wanted.warnings().stream()
        .filter(warning -> !before.contains(warning))
        .forEach(ConfigChanges::warn);
    become(now.source(), wanted, snapshot);
    behind = false;
    observation.nodesApplied(System.nanoTime() - began);
    log.info(LogEvent.NODES_FOLLOWED, "{} follows {}", Field.tunnel(name), source(wanted));
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
    Set<String> gone = new HashSet<>(state.get().config().peerIds());
    gone.removeAll(peers);
    behind = true;
    state.get().requireRunning().forget(gone);
  }

  private KnownCluster known(ClusterSnapshot snapshot) throws IOException {
    return state.get().config().discovery() instanceof KubernetesConfig
        ? machine.known(snapshot, state.get().requireRunning().identity().publicKey())
        : KnownCluster.NOTHING;
  }

  private static @Nullable String source(GatewayConfig config) {
    DiscoveryConfig discovery = config.discovery();
    return discovery == null ? null : discovery.source();
  }

  private void become(ConfigFile source, GatewayConfig wanted, ClusterSnapshot snapshot)
      throws ConfigException, IOException {
    GatewayState before = state.get();
    requireSameShape(before.config(), wanted);
    try (Desired desired = Desired.of(wanted)) {
      RunningTunnel tunnel = before.requireRunning().tunnel();
      int port = tunnel.listenPort();
      observation.settle(before.config(), wanted);
      int changed = applyOrSteerBack(before, wanted, desired);
      state.change(last -> last.with(source, wanted, snapshot));
      if (before.names() != null) {
        before.names().follow(wanted.namedPeers());
      }
      before.requireKernel().follow(before.config(), wanted, tunnel, port);
      log.info(LogEvent.CONFIG_APPLIED, "{}: {} peers changed", Field.tunnel(name), changed);
    }
  }

  private void requireSameShape(GatewayConfig now, GatewayConfig wanted) throws ConfigException {
    if (!wanted.interfaceName().equals(now.interfaceName()) || wanted.routes() != now.routes()) {
      throw routesStay(file);
    }
    if (wanted.lanes() != now.lanes()
        || !wanted.engine().getClass().equals(now.engine().getClass())) {
      throw needsRestart("the engine and lanes");
    }
    for (Offload offload : Offload.values()) {
      if (offload != Offload.UDP_SEGMENTATION
          && wanted.offload().of(offload) != now.offload().of(offload)) {
        throw needsRestart("offload.udpGro, offload.tunTso and offload.tunUso");
      }
    }
    boolean api =
        now.discovery() instanceof KubernetesConfig
            || wanted.discovery() instanceof KubernetesConfig;
    if (api
        && !(Objects.equals(now.discovery(), wanted.discovery())
            && now.cluster().self().equals(wanted.cluster().self()))) {
      throw needsRestart("discovery.kubernetes, and with it the node's name,");
    }
  }

  /** The exception for a file whose interface steers the kernel in another way than before. */
  static ConfigException routesStay(Path file) {
    return ConfigException.of(
        file,
        "the interface's name and routes change only with 'culvert down', with the former file, and"
            + " 'culvert up'");
  }

  private ConfigException needsRestart(String keys) {
    return ConfigException.of(
        file, keys + " change only with a restart of the gateway; the guard stays meanwhile");
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
      running.tunnel().useSegmentation(segmentation(wanted));
      kernel.steer(wanted, running.tunnel());
      int changed = running.apply(desired);
      steerBackFailure = null;
      return changed;
    } catch (Throwable e) {
      try {
        kernel.steer(now.config(), running.tunnel());
        running.tunnel().useSegmentation(segmentation(now.config()));
      } catch (IOException | RuntimeException inner) {
        steerBackFailed(String.valueOf(inner.getMessage()));
        e.addSuppressed(inner);
      }
      throw e;
    }
  }

  private static Offload.Mode segmentation(GatewayConfig config) {
    return config.offload().of(Offload.UDP_SEGMENTATION);
  }

  /** Logs a failure when it begins or changes: snapshots are tried again every few seconds. */
  private void steerBackFailed(String reason) {
    if (!reason.equals(steerBackFailure)) {
      log.error(
          LogEvent.GUARD_UNCERTAIN,
          "{}: guard and rules may not be those of the configuration in force: {}",
          Field.tunnel(name),
          Field.reason(reason));
    }
    steerBackFailure = reason;
  }

  @Override
  public synchronized void close() {
    discovery.close();
  }
}
