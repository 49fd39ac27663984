package dev.culvert.daemon;

import dev.culvert.daemon.admin.AdminMessage.Request;
import dev.culvert.daemon.admin.AdminMessage.Response;
import dev.culvert.daemon.admin.AdminServer;
import dev.culvert.daemon.admin.AuditView;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.daemon.config.ready.Desired;
import dev.culvert.daemon.steer.Audit;
import dev.culvert.daemon.steer.BlindSpotWatch;
import dev.culvert.daemon.steer.FormerSettings;
import dev.culvert.daemon.steer.GatewayPlan;
import dev.culvert.daemon.steer.Steered;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A gateway that runs from a configuration file. The guard comes before the device and is not
 * lifted here: however this ends, what should be encrypted does not leave in clear.
 */
public final class GatewayDaemon implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(GatewayDaemon.class);

  /** How long a start and a reload wait for name servers; what has no answer then gets it later. */
  private static final Duration NAMES_PATIENCE = Duration.ofSeconds(5);

  private final Path file;
  private final Machine machine;
  private final SecureRandom random = new SecureRandom();
  private final BlindSpotWatch blindSpots;
  private ConfigFile source;
  private volatile GatewayConfig config;
  private volatile @Nullable PeerNames names;
  private @Nullable FileWatch discovery;
  private @Nullable Steered steered;
  private volatile @Nullable Running running;
  private @Nullable AdminServer admin;
  private volatile boolean stopped;
  private volatile @Nullable String failure;
  private volatile boolean keysTold;

  private GatewayDaemon(ConfigFile source, GatewayConfig config, Machine machine) {
    this.source = source;
    this.file = source.path();
    this.machine = machine;
    this.config = config;
    blindSpots = new BlindSpotWatch(machine.network());
  }

  /**
   * Brings the gateway up, or leaves nothing but the guard.
   *
   * @throws ConfigException the file cannot be used, and nothing was touched; or a key in it
   *     cannot, and the guard stands
   */
  public static GatewayDaemon start(Path file, Machine machine)
      throws ConfigException, IOException {
    ConfigFile source = ConfigFile.open(file);
    GatewayDaemon daemon = new GatewayDaemon(source, parse(source, machine), machine);
    daemon.config.warnings().forEach(log::warn);
    try {
      Guarded.refuseRunning(machine, daemon.interfaceName());
      daemon.steer();
      // Keys and names come after the guard: one that cannot be had does not leave it undone.
      try (Desired desired = Desired.of(daemon.config, daemon.random)) {
        daemon.bringUp(desired);
      }
      daemon.watchDiscovery();
      daemon.followNames();
      return daemon;
    } catch (ConfigException | IOException | RuntimeException e) {
      daemon.close();
      throw e;
    }
  }

  /** A file of nodes that cannot be used does not leave unguarded what else is known. */
  private static GatewayConfig parse(ConfigFile source, Machine machine)
      throws ConfigException, IOException {
    try {
      return source.parse();
    } catch (ConfigException e) {
      try {
        if (!machine.network().guarded()) {
          BootGuard.load(source.path(), machine);
        }
      } catch (ConfigException | IOException inner) {
        e.addSuppressed(inner);
      }
      throw e;
    }
  }

  /** The same for as long as it runs. */
  public String interfaceName() {
    return config.interfaceName();
  }

  /** The guard and the rules stand before there is a device that they could lead to. */
  private void steer() throws IOException {
    if (!config.routes()) {
      return;
    }
    String name = config.interfaceName();
    refuseBlindSpots(config);
    FormerSettings former = Guarded.claim(machine, name, file);
    steered = Steered.start(config, machine.network(), former, blindSpots, this::guardUnattended);
    rememberNodes();
  }

  private void rememberNodes() {
    Path nodes = config.discovery();
    if (nodes != null && steered != null) {
      RememberedNodes.keep(nodes, machine.rememberedNodes(config.interfaceName()));
    }
  }

  private void refuseBlindSpots(GatewayConfig wanted) throws IOException {
    GatewayPlan next =
        steered == null ? GatewayPlan.of(wanted, machine.network()) : steered.planned(wanted);
    blindSpots.require(wanted.cluster().policy(), next.underlay());
  }

  /** Without repairs this goes on no longer: who started it learns of it, and the guard stands. */
  private void guardUnattended(Throwable cause) {
    giveUp("routes, rules and guard were no longer kept: " + cause);
  }

  /** Ends, since a part is no more and what is left is half a gateway; the guard stands. */
  public void giveUp(String reason) {
    failure = reason;
    Thread.ofPlatform().name("give-up").start(this::closeDevice);
  }

  private void bringUp(Desired desired) throws IOException {
    String name = config.interfaceName();
    // Made with another MTU, it would be seen to change: the plan is kept already.
    int mtu = steered == null ? config.mtu() : steered.plan().mtu();
    running = Running.open(machine, desired, mtu);
    if (steered == null) {
      machine.network().configureLink(name, config.mtu(), config.addresses(), List.of());
    } else {
      classify(config);
      steered.apply(config, running.tunnel().listenPort());
      // The guard lets the tunnel's packets pass from here on.
      running.tunnel().greet();
    }
    admin = AdminServer.open(machine.adminDirectory(), name, this::answer);
    GatewayView view = view();
    log.info(
        "{} is up: {}, {} peers, UDP port {}{}",
        name,
        view.engine(),
        view.peers().size(),
        view.listenPort(),
        view.publicKey() == null ? "" : ", public key " + view.publicKey());
  }

  /** A peer without an address is no reason to end: the others work, and the guard stands. */
  private void followNames() {
    Steered kernel = steered;
    PeerNames.Listener guard = kernel == null ? addresses -> {} : kernel::peersAt;
    PeerNames following = new PeerNames(config.interfaceName(), machine.names(), running(), guard);
    synchronized (this) {
      following.follow(config.namedPeers());
      names = following;
    }
    following.await(NAMES_PATIENCE);
  }

  /**
   * Where the file names the whole cluster, the lanes judge by it and not by peers' ranges alone.
   */
  private void classify(GatewayConfig wanted) throws IOException {
    if (steered != null && wanted.cluster().complete()) {
      running().tunnel().useClassifier(steered.plan().classifier(), wanted.bypassMark());
    }
  }

  private void steer(GatewayConfig wanted) throws IOException {
    if (steered != null) {
      steered.apply(wanted, running().tunnel().listenPort());
      classify(wanted);
    }
  }

  private Running running() {
    if (running == null) {
      throw new IllegalStateException("the gateway is not up");
    }
    return running;
  }

  /** Whether {@code culvert down} asked for the end. */
  public boolean wasStopped() {
    return stopped;
  }

  /** Why this ended by itself, where it did. */
  public Optional<String> failure() {
    return Optional.ofNullable(failure)
        .or(() -> running == null ? Optional.empty() : running.tunnel().failure());
  }

  /** Waits until the link is deleted, a part failed, or {@link #close} is called. */
  public void awaitClosed() throws InterruptedException {
    if (running != null) {
      running.tunnel().awaitClosed();
    }
  }

  /**
   * Reads the file again, applies what changed and asks for peers' names anew. Sessions of peers
   * that stay go on.
   *
   * @throws ConfigException where the file cannot be used; all stays as it was
   */
  public void reload() throws ConfigException, IOException {
    synchronized (this) {
      ConfigFile now = ConfigFile.open(file);
      GatewayConfig wanted = now.parse();
      wanted.warnings().forEach(log::warn);
      if (steered != null) {
        refuseBlindSpots(wanted);
      }
      become(wanted);
      source = now;
      watchDiscovery();
    }
    PeerNames following = names;
    if (following != null) {
      following.askAnew(NAMES_PATIENCE);
    }
    log.info("{} reloaded {}", config.interfaceName(), file);
  }

  /** The file of nodes may be another one now. */
  private synchronized void watchDiscovery() {
    Path wanted = config.discovery();
    if (discovery != null && !discovery.file().equals(wanted)) {
      discovery.close();
      discovery = null;
    }
    if (discovery == null && wanted != null) {
      discovery =
          FileWatch.start(config.interfaceName() + "-discovery", wanted, this::followDiscovery);
    }
  }

  /** The configuration stays what it was when it was read; only the nodes are read again. */
  private synchronized void followDiscovery() {
    Path nodes = config.discovery();
    try {
      GatewayConfig wanted = source.parse();
      if (!wanted.equals(config)) {
        become(wanted);
        log.info("{} follows {}", config.interfaceName(), nodes);
      }
    } catch (ConfigException | IOException | RuntimeException e) {
      log.error("{}: the nodes in force stay: {}", config.interfaceName(), e.getMessage());
    }
  }

  private void become(GatewayConfig wanted) throws ConfigException, IOException {
    if (!wanted.interfaceName().equals(config.interfaceName())
        || wanted.lanes() != config.lanes()
        || wanted.routes() != config.routes()
        || !wanted.engine().getClass().equals(config.engine().getClass())) {
      throw ConfigException.of(
          file,
          "the engine, the interface's name, lanes and routes change only with 'culvert down' and"
              + " 'culvert up'");
    }
    try (Desired desired = Desired.of(wanted, random)) {
      int port = running().tunnel().listenPort();
      int changed = applyOrSteerBack(wanted, desired);
      GatewayConfig before = config;
      config = wanted;
      if (names != null) {
        names.follow(wanted.namedPeers());
      }
      String name = wanted.interfaceName();
      if (steered == null) {
        machine
            .network()
            .configureLink(
                name,
                wanted.mtu(),
                wanted.addresses(),
                minus(before.addresses(), wanted.addresses()));
      } else if (running().tunnel().listenPort() != port) {
        steered.apply(wanted, running().tunnel().listenPort());
      }
      rememberNodes();
      log.info("{}: {} peers changed", name, changed);
    }
  }

  /** Whatever fails, guard and rules are of the configuration that stays in force. */
  private int applyOrSteerBack(GatewayConfig wanted, Desired desired)
      throws ConfigException, IOException {
    try {
      steer(wanted);
      return running().apply(desired);
    } catch (Throwable e) {
      try {
        steer(config);
      } catch (IOException | RuntimeException inner) {
        log.error(
            "{}: guard and rules may not be those of what is in force",
            config.interfaceName(),
            inner);
        e.addSuppressed(inner);
      }
      throw e;
    }
  }

  private static <T> List<T> minus(Collection<T> from, Collection<T> what) {
    List<T> rest = new ArrayList<>(from);
    rest.removeAll(Set.copyOf(what));
    return rest;
  }

  /** Reloads for a signal, where nobody waits for an answer: a failure is logged. */
  public void reloadLogged() {
    try {
      reload();
    } catch (ConfigException | IOException | RuntimeException e) {
      log.error("reload failed, the running state stays: {}", e.getMessage());
    }
  }

  private Response answer(Request request) {
    try {
      switch (request.command()) {
        case STATUS -> {}
        case RELOAD -> reload();
        case KEYLOG -> {
          return keyLog();
        }
        case STOP -> {
          stopped = true;
          Thread.ofVirtual().name("stop").start(this::closeDevice);
          return Response.done();
        }
        case ROUTES -> {
          List<String> ends = request.arguments() == null ? List.of() : request.arguments();
          return new Response(null, null, requireSteered().routes(ends), null, null);
        }
        case AUDIT -> {
          GatewayPlan plan =
              steered == null ? GatewayPlan.of(config, machine.network()) : steered.plan();
          AuditView audit = Audit.of(config, plan, machine.network(), running().tunnel().status());
          return new Response(null, null, null, audit, null);
        }
      }
      return Response.of(view());
    } catch (ConfigException | IOException | RuntimeException e) {
      log.warn("{} failed: {}", request.command(), e.getMessage());
      return Response.failed(String.valueOf(e.getMessage()));
    }
  }

  private GatewayPlan requireSteered() throws IOException {
    if (steered == null) {
      throw new IOException(
          config.interfaceName() + " steers nothing: spec.interface.routes is false");
    }
    return steered.plan();
  }

  private Response keyLog() throws IOException {
    if (!keysTold) {
      keysTold = true;
      log.warn("{}: an administrator reads the keys (culvert keylog)", config.interfaceName());
    }
    return new Response(null, null, null, null, running().keyLog());
  }

  /** Under no lock: it tells of a reload that waits, too. */
  private GatewayView view() {
    GatewayView view = running().view(config, file.toAbsolutePath().toString());
    PeerNames following = names;
    return following == null ? view : view.withNames(following.views());
  }

  /** Lets {@link #awaitClosed} return; {@link #close} does the rest. */
  public void closeDevice() {
    if (running != null) {
      running.end();
    }
  }

  private synchronized void endWatch() {
    if (discovery != null) {
      discovery.close();
    }
  }

  /** Takes the device and the sockets away; the guard stays. May be called again. */
  @Override
  public void close() throws IOException {
    endWatch();
    PeerNames following = names;
    if (following != null) {
      following.close();
    }
    if (steered != null) {
      steered.close();
    }
    try {
      if (running != null) {
        running.close();
      }
    } finally {
      if (admin != null) {
        admin.close();
      }
    }
  }
}
