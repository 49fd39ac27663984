package dev.culvert.cli.daemon;

import dev.culvert.cli.admin.AdminMessage.Request;
import dev.culvert.cli.admin.AdminMessage.Response;
import dev.culvert.cli.admin.AdminServer;
import dev.culvert.cli.admin.GatewayView;
import dev.culvert.cli.config.ConfigException;
import dev.culvert.cli.config.ConfigFile;
import dev.culvert.cli.config.Desired;
import dev.culvert.cli.config.GatewayConfig;
import dev.culvert.cli.socket.LocalServer;
import dev.culvert.routing.Prefix;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A gateway that runs from a configuration file. The guard comes before the device and is not
 * lifted here: however this ends, what should be encrypted does not leave in clear.
 */
public final class GatewayDaemon implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(GatewayDaemon.class);

  private final Path file;
  private final Machine machine;
  private final SecureRandom random = new SecureRandom();
  private GatewayConfig config;
  private @Nullable Tunnel running;
  private @Nullable AdminServer admin;
  private volatile boolean stopped;
  private volatile boolean keysTold;

  private GatewayDaemon(Path file, Machine machine, GatewayConfig config) {
    this.file = file;
    this.machine = machine;
    this.config = config;
  }

  /**
   * Brings the gateway up, or leaves nothing but the guard.
   *
   * @throws ConfigException where the file cannot be used; nothing was touched then
   */
  public static GatewayDaemon start(Path file, Machine machine)
      throws ConfigException, IOException {
    GatewayConfig config = ConfigFile.read(file);
    GatewayDaemon daemon = new GatewayDaemon(file, machine, config);
    try (Desired desired = Desired.of(config, daemon.random)) {
      daemon.refuseSecond();
      daemon.guard(config);
      daemon.bringUp(desired);
      return daemon;
    } catch (IOException | RuntimeException e) {
      daemon.close();
      throw e;
    }
  }

  private void refuseSecond() throws FileAlreadyExistsException {
    String name = config.interfaceName();
    if (machine.adminClient().isRunning(name) || LocalServer.isLive(machine.uapiSocket(name))) {
      throw new FileAlreadyExistsException(name);
    }
  }

  /** Guards are only added here: what was guarded once stays so until {@code culvert down}. */
  private void guard(GatewayConfig wanted) throws IOException {
    if (!wanted.routes()) {
      return;
    }
    SortedSet<Prefix> prefixes = machine.runState().guarded(wanted.interfaceName());
    prefixes.addAll(wanted.tunnelled());
    prefixes.addAll(wanted.clusterCidrs());
    machine.runState().write(wanted.interfaceName(), prefixes);
    machine.network().guard(prefixes);
  }

  private void bringUp(Desired desired) throws IOException {
    String name = config.interfaceName();
    running = Tunnel.open(machine, desired);
    machine.network().configureLink(name, config.mtu(), config.addresses(), List.of());
    if (config.routes()) {
      machine.network().route(name, config.tunnelled());
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

  private Tunnel tunnel() {
    if (running == null) {
      throw new IllegalStateException("the gateway is not up");
    }
    return running;
  }

  /** Whether {@code culvert down} asked for the end. */
  public boolean wasStopped() {
    return stopped;
  }

  /** Waits until the link is deleted or {@link #close} is called. */
  public void awaitClosed() throws InterruptedException {
    if (running != null) {
      running.awaitClosed();
    }
  }

  /**
   * Reads the file again and applies what changed. Sessions of peers that stay go on.
   *
   * @throws ConfigException where the file cannot be used; all stays as it was
   */
  public synchronized void reload() throws ConfigException, IOException {
    GatewayConfig wanted = ConfigFile.read(file);
    if (!wanted.interfaceName().equals(config.interfaceName())
        || wanted.lanes() != config.lanes()
        || !wanted.engine().getClass().equals(config.engine().getClass())) {
      throw ConfigException.of(
          file,
          "the engine, the interface's name and lanes change only with 'culvert down' and 'culvert up'");
    }
    try (Desired desired = Desired.of(wanted, random)) {
      guard(wanted);
      int changed = tunnel().apply(desired);
      GatewayConfig before = config;
      config = wanted;
      String name = wanted.interfaceName();
      machine
          .network()
          .configureLink(
              name,
              wanted.mtu(),
              wanted.addresses(),
              minus(before.addresses(), wanted.addresses()));
      machine.network().unroute(name, minus(routed(before), routed(wanted)));
      machine.network().route(name, minus(routed(wanted), routed(before)));
      log.info("{} reloaded {}: {} peers changed", name, file, changed);
    }
  }

  private static List<Prefix> routed(GatewayConfig config) {
    return config.routes() ? config.tunnelled() : List.of();
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
          return new Response(null, null);
        }
      }
      return new Response(null, view());
    } catch (ConfigException | IOException | RuntimeException e) {
      log.warn("{} failed: {}", request.command(), e.getMessage());
      return new Response(String.valueOf(e.getMessage()), null);
    }
  }

  private Response keyLog() throws IOException {
    if (!keysTold) {
      keysTold = true;
      log.warn("{}: an administrator reads the keys (culvert keylog)", config.interfaceName());
    }
    return new Response(null, null, tunnel().keyLog());
  }

  private synchronized GatewayView view() {
    return tunnel().view(config, file.toAbsolutePath().toString());
  }

  /** Lets {@link #awaitClosed} return; {@link #close} does the rest. */
  public void closeDevice() {
    if (running != null) {
      running.end();
    }
  }

  /** Takes the device and the sockets away; the guard stays. May be called again. */
  @Override
  public void close() throws IOException {
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
