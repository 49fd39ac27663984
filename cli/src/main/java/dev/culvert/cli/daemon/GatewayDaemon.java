package dev.culvert.cli.daemon;

import dev.culvert.cli.admin.AdminMessage.Request;
import dev.culvert.cli.admin.AdminMessage.Response;
import dev.culvert.cli.admin.AdminServer;
import dev.culvert.cli.admin.AuditView;
import dev.culvert.cli.admin.GatewayView;
import dev.culvert.cli.config.ConfigException;
import dev.culvert.cli.config.ConfigFile;
import dev.culvert.cli.config.DesiredState;
import dev.culvert.cli.config.DeviceDiff;
import dev.culvert.cli.config.GatewayConfig;
import dev.culvert.cli.config.PeerConfig;
import dev.culvert.cli.socket.LocalServer;
import dev.culvert.cli.uapi.UapiServer;
import dev.culvert.tunnel.gateway.WireGuardDevice;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
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
  private @Nullable Steered steered;
  private @Nullable RunningDevice running;
  private @Nullable UapiServer uapi;
  private @Nullable AdminServer admin;
  private volatile boolean stopped;

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
    try (DesiredState desired = DesiredState.of(config, daemon.random)) {
      daemon.refuseSecond();
      daemon.steer();
      daemon.bringUp(desired.update());
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

  /** The guard and the rules stand before there is a device that they could lead to. */
  private void steer() throws IOException {
    if (!config.routes()) {
      return;
    }
    String name = config.interfaceName();
    String other = machine.runState().guardedByOther(name).orElse(null);
    // Namespaces' numbers are given again: where there is no guard, the note is of a dead one.
    if (other != null && !machine.network().counters().isEmpty()) {
      throw new IOException(
          other
              + " guards this network namespace already; end it with 'culvert down "
              + other
              + "', or set spec.interface.routes to false here");
    }
    String otherDatapath = machine.network().otherDatapath().orElse(null);
    if (otherDatapath != null) {
      throw new IOException(otherDatapath);
    }
    machine.runState().write(name, file);
    steered = Steered.start(config, machine.network());
  }

  private void bringUp(DeviceUpdate update) throws IOException {
    String name = config.interfaceName();
    running = machine.devices().open(name, config.mtu(), config.lanes());
    classify();
    device().configure(update);
    uapi = UapiServer.open(machine.uapiDirectory(), device());
    if (steered == null) {
      machine.network().configureLink(name, config.mtu(), config.addresses(), List.of());
    } else {
      steered.apply(config, device().listenPort());
    }
    admin = AdminServer.open(machine.adminDirectory(), name, this::answer);
    log.info(
        "{} is up: {} peers, UDP port {}, public key {}",
        name,
        config.peers().size(),
        device().listenPort(),
        view().publicKey());
  }

  /**
   * Where the file names the whole cluster, the lanes judge by it and not by peers' ranges alone.
   */
  private void classify() throws IOException {
    if (steered != null && running != null && steered.plan().cluster().complete()) {
      running.useClassifier(steered.plan().classifier(), config.bypassMark());
    }
  }

  private WireGuardDevice device() {
    if (running == null) {
      throw new IllegalStateException("the gateway is not up");
    }
    return running.device();
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
        || wanted.routes() != config.routes()) {
      throw ConfigException.of(
          file,
          "the interface's name, lanes and routes change only with 'culvert down' and 'culvert"
              + " up'");
    }
    try (DesiredState desired = DesiredState.of(wanted, random);
        DeviceSnapshot now = device().snapshot()) {
      GatewayConfig before = config;
      if (steered != null) {
        steered.apply(wanted, device().listenPort());
        classify();
      }
      DeviceUpdate update =
          DeviceDiff.between(now, device().listenPort(), device().fwmark(), desired.update());
      try {
        if (!DeviceDiff.isEmpty(update)) {
          device().configure(update);
        }
      } catch (IOException e) {
        if (steered != null) {
          steered.apply(before, device().listenPort());
          classify();
        }
        throw e;
      }
      config = wanted;
      String name = wanted.interfaceName();
      if (steered == null) {
        machine
            .network()
            .configureLink(
                name,
                wanted.mtu(),
                wanted.addresses(),
                minus(before.addresses(), wanted.addresses()));
      } else if (update.listenPort().isPresent()) {
        steered.apply(wanted, device().listenPort());
      }
      log.info("{} reloaded {}: {} peers changed", name, file, update.peers().size());
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
        case STOP -> {
          stopped = true;
          Thread.ofVirtual().name("stop").start(this::closeDevice);
          return Response.done();
        }
        case ROUTES -> {
          List<String> ends = request.arguments() == null ? List.of() : request.arguments();
          return new Response(null, null, requireSteered().routes(ends), null);
        }
        case AUDIT -> {
          AuditView audit = Audit.of(config, machine.network(), device().status());
          return new Response(null, null, null, audit);
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

  private synchronized GatewayView view() {
    Map<String, String> names =
        config.peers().stream()
            .collect(Collectors.toMap(p -> p.publicKey().toString(), PeerConfig::name));
    return GatewayView.of(device(), file.toAbsolutePath().toString(), names);
  }

  /** Lets {@link #awaitClosed} return; {@link #close} does the rest. */
  public void closeDevice() {
    if (running != null) {
      running.close();
    }
  }

  /** Takes the device and the sockets away; the guard stays. May be called again. */
  @Override
  public void close() throws IOException {
    if (steered != null) {
      steered.close();
    }
    closeDevice();
    try {
      if (uapi != null) {
        uapi.close();
      }
    } finally {
      if (admin != null) {
        admin.close();
      }
    }
  }
}
