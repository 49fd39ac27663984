package dev.culvert.tunnel.gateway;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.routing.Classifier;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Mark;
import dev.culvert.routing.TrafficClass;
import dev.culvert.routing.plan.TunnelMtu;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.HostFacts;
import dev.culvert.tunnel.kernel.LinkEvent;
import dev.culvert.tunnel.kernel.LinkMonitor;
import dev.culvert.tunnel.port.DeviceGoneException;
import dev.culvert.tunnel.port.SocketPort;
import dev.culvert.tunnel.port.TunDevice;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What moves packets, whatever the protocol: the TUN interface, the lanes, the sockets and the
 * control loop around an engine, wired together. It ends when it is closed or its interface is
 * deleted. Safe to use from any thread.
 */
final class Gateway implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Gateway.class);

  private final TunDevice tun;
  private final Protocol protocol;
  private final TunnelEngine engine;
  private final ControlLoop control;
  private final HelperLanes helpers;
  private final Lanes lanes;
  private final Underlay underlay;
  private final AtomicReference<@Nullable ClusterRoutes> clusterRoutes = new AtomicReference<>();
  private final int configuredMtu;
  private @Nullable ClearSockets clearSockets;
  private volatile int mtu;
  private final CipherSwitch cipher = new CipherSwitch();
  private @Nullable LinkMonitor linkMonitor;
  private final AtomicBoolean closing = new AtomicBoolean();
  private final CountDownLatch closed = new CountDownLatch(1);

  private Gateway(TunDevice tun, Protocol protocol, GatewayOptions options) throws IOException {
    this.tun = tun;
    this.protocol = protocol;
    engine = protocol.engine();
    configuredMtu = options.mtu();
    tun.mtu(options.effectiveMtu());
    mtu = options.effectiveMtu();
    protocol.mtu(mtu);
    String name = tun.name();
    control =
        new ControlLoop(
            name + "-control",
            engine,
            System::nanoTime,
            Gateway::wallNanos,
            datagram -> underlay().transmit(datagram),
            protocol::onEvent);
    helpers =
        new HelperLanes(name, options.effectiveHelpers(tun.ports().size()), engine::newDataPath);
    lanes = new Lanes(name, tun.ports().size(), this::newLane, this::onFailure);
    underlay = new Underlay(lanes, protocol.encapsulation());
  }

  /**
   * Makes the interface (down, without addresses), binds a UDP port in both families and starts
   * moving packets.
   *
   * @param port 0 for any that is free
   * @throws DeviceException where the interface or the sockets cannot be had
   */
  static Gateway open(Protocol protocol, GatewayOptions options, int port, int mark)
      throws DeviceException {
    try {
      TunDevice tun = TunDevice.open(options.interfaceName(), options.effectiveLanes());
      try {
        Gateway gateway = new Gateway(tun, protocol, options);
        try {
          gateway.start(port, mark);
        } catch (IOException | RuntimeException e) {
          gateway.close();
          throw e;
        }
        return gateway;
      } catch (IOException | RuntimeException e) {
        tun.close();
        throw e;
      }
    } catch (IOException e) {
      throw deviceException(e);
    }
  }

  private void start(int port, int mark) throws IOException {
    underlay.use(underlay.bind(port, mark), mark);
    control.start();
    helpers.start();
    lanes.start(tun.ports());
    linkMonitor = LinkMonitor.start(Set.of(), this::onLinkEvent);
    LOG.info(
        "{}: {} lanes, {} helpers, offloads {}",
        tun.name(),
        lanes.count(),
        helpers.count(),
        offloads());
  }

  private Lane newLane(int i) {
    return new Lane(
        tun.ports().get(i),
        tun.offloads(),
        new LaneRouter(protocol, clusterRoutes::get),
        engine.newDataPath(),
        helpers,
        engine.overhead(),
        control,
        System::nanoTime,
        mtu);
  }

  private Underlay underlay() {
    return underlay;
  }

  private static long wallNanos() {
    Instant now = Instant.now();
    return Math.addExact(Math.multiplyExact(now.getEpochSecond(), 1_000_000_000L), now.getNano());
  }

  // ---------------------------------------------------------------- steering

  String interfaceName() {
    return tun.name();
  }

  int mtu() {
    return mtu;
  }

  int listenPort() {
    return underlay.port();
  }

  int fwmark() {
    return underlay.mark();
  }

  /**
   * Runs {@code work} on the control thread, to which the engine belongs.
   *
   * @throws DeviceException with what the work threw, or where the gateway is closed
   */
  <T> T control(Callable<T> work) throws DeviceException {
    try {
      return control.call(work);
    } catch (ExecutionException e) {
      Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
      throw new DeviceException(String.valueOf(cause.getMessage()), Errno.EINVAL, cause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DeviceException("interrupted", Errno.EINTR, e);
    }
  }

  /**
   * Changes port and mark together with what {@code work} does on the control thread: all of it, or
   * nothing. The same port as before keeps its sockets.
   *
   * @param port 0 for any that is free
   */
  synchronized void rebind(int port, int mark, Callable<@Nullable Void> work)
      throws DeviceException {
    int markBefore = underlay.mark();
    TunnelSockets fresh = null;
    try {
      if (port == 0 || port != underlay.port()) {
        fresh = underlay.bind(port, mark);
      } else {
        underlay.mark(mark);
      }
    } catch (IOException e) {
      throw deviceException(e);
    }
    try {
      control(work);
    } catch (DeviceException e) {
      undo(fresh, markBefore);
      throw e;
    }
    if (fresh != null) {
      underlay.use(fresh, mark);
    }
  }

  /** See {@link ClusterDevice#useClassifier}. */
  synchronized void useClassifier(Classifier classifier, Mark bypass) throws DeviceException {
    try {
      leaveInClear(bypass.value());
    } catch (ErrnoException e) {
      throw deviceException(e);
    }
    control(
        () -> {
          clusterRoutes.set(ClusterRoutes.of(classifier, protocol::peer));
          return null;
        });
  }

  private void leaveInClear(int mark) throws ErrnoException {
    ClearSockets before = clearSockets;
    if (before != null) {
      before.mark(mark);
    } else if (!closing.get()) {
      ClearSockets sockets = ClearSockets.open(lanes.count(), mark);
      clearSockets = sockets;
      lanes.onEach((i, lane) -> lane.useClearSockets(sockets.v4(i), sockets.v6(i)));
    }
  }

  /** The engine's peers changed: finds them anew for the classifier. On the control thread. */
  void peersChanged() {
    ClusterRoutes before = clusterRoutes.get();
    if (before != null) {
      clusterRoutes.set(ClusterRoutes.of(before.classifier(), protocol::peer));
    }
  }

  /** See {@link ClusterDevice#greet}. */
  void greet() throws DeviceException {
    control(
        () -> {
          engine.greet();
          return null;
        });
  }

  /** See {@link ClusterDevice#fitUnderlay}. */
  synchronized int fitUnderlay(HostFacts facts, Collection<IpAddress> peers)
      throws DeviceException {
    if (facts.underlay().isEmpty()) {
      return mtu;
    }
    int link = Collections.min(facts.underlay().values());
    int fitting = protocol.mtuWithin(link, peers.stream().allMatch(IpAddress::v4));
    int wanted = configuredMtu == 0 ? fitting : Math.min(fitting, configuredMtu);
    lanes.all().forEach(lane -> lane.limit(wanted));
    if (wanted == mtu) {
      return wanted;
    }
    if (wanted < TunnelMtu.SMALLEST_FOR_IPV6) {
      LOG.warn(
          "{}: the tunnel's MTU is {}, the underlay's {}: IPv6 needs {}, and the kernel takes it"
              + " from the interface",
          tun.name(),
          wanted,
          link,
          TunnelMtu.SMALLEST_FOR_IPV6);
    }
    try {
      tun.mtu(wanted);
    } catch (IOException e) {
      throw deviceException(e);
    }
    LOG.info("{}: MTU {} fits {}", tun.name(), wanted, facts.underlay());
    useMtu(wanted);
    return wanted;
  }

  private void useMtu(int newMtu) {
    mtu = newMtu;
    protocol.mtu(newMtu);
    lanes.all().forEach(lane -> lane.mtu(newMtu));
  }

  private void undo(@Nullable TunnelSockets fresh, int markBefore) throws DeviceException {
    if (fresh != null) {
      fresh.close();
      return;
    }
    try {
      underlay.mark(markBefore);
    } catch (ErrnoException e) {
      throw deviceException(e);
    }
  }

  /** Has {@code use} take the fastest cipher into use once that is known. */
  void chooseCipher(AeadAlgorithm algorithm, Consumer<AeadBackend> use) {
    cipher.start(tun.name(), algorithm, closed, use);
  }

  /** Counters and what the kernel offers. */
  GatewayStatus status() {
    long sealed = 0;
    long opened = 0;
    long trainsSent = 0;
    long trainsReceived = 0;
    Map<DropReason, Long> drops = new EnumMap<>(DropReason.class);
    Map<TrafficClass, TrafficStatus.Volume> encrypted = new EnumMap<>(TrafficClass.class);
    Map<String, TrafficStatus.Volume> bypassed = new HashMap<>();
    for (Lane lane : lanes.all()) {
      lane.traffic().addTo(encrypted, bypassed);
      LaneCounters counters = lane.counters();
      sealed += counters.packetsSealed();
      opened += counters.packetsOpened();
      trainsSent += counters.trainsSent();
      trainsReceived += counters.trainsReceived();
      lane.drops().addTo(drops);
      lane.dataPath().drops().addTo(drops);
    }
    helpers.dataPaths().forEach(path -> path.drops().addTo(drops));
    for (DropCounters counters : List.of(engine.drops(), underlay.drops())) {
      counters.addTo(drops);
    }
    return new GatewayStatus(
        mtu,
        lanes.count(),
        offloads(),
        cipher.cipher(),
        sealed,
        opened,
        trainsSent,
        trainsReceived,
        drops,
        new TrafficStatus(encrypted, bypassed));
  }

  private List<String> offloads() {
    List<String> offloads = new ArrayList<>();
    addIf(offloads, tun.offloads().tso(), "tun-tso");
    addIf(offloads, tun.offloads().uso(), "tun-uso");
    SocketPort socket = underlay.first();
    addIf(offloads, socket != null && socket.segmentation(), "udp-gso");
    addIf(offloads, socket != null && socket.coalescing(), "udp-gro");
    return offloads;
  }

  private static void addIf(List<String> names, boolean present, String name) {
    if (present) {
      names.add(name);
    }
  }

  // ---------------------------------------------------------------- what happens by itself

  /** Others change our interface: {@code ip link set mtu}, {@code ip link del}. */
  private void onLinkEvent(LinkEvent event) {
    switch (event) {
      case LinkEvent.Changed e when e.after().index() == tun.index() -> {
        useMtu(e.after().mtu());
      }
      case LinkEvent.Gone e when e.link().index() == tun.index() -> closeSoon();
      default -> LOG.trace("{}: {} is not about us", tun.name(), event);
    }
  }

  /** A lane's handler failed. The device being gone is the end; anything else is one bad batch. */
  private void onFailure(Throwable failure) {
    if (failure.getCause() instanceof DeviceGoneException) {
      closeSoon();
    } else {
      LOG.error("{}: a batch was lost", tun.name(), failure);
    }
  }

  /** Closes from another thread: a lane's own cannot wait for itself. */
  private void closeSoon() {
    if (!closing.get()) {
      Thread.ofPlatform().name(tun.name() + "-close").start(this::close);
    }
  }

  /** Returns when the device is closed and nothing of it is left. */
  void awaitClosed() throws InterruptedException {
    closed.await();
  }

  /**
   * Takes the interface, the sockets and the threads away and has the engine wipe its keys. May be
   * called again.
   */
  @Override
  public void close() {
    if (!closing.compareAndSet(false, true)) {
      return;
    }
    if (linkMonitor != null) {
      linkMonitor.close();
    }
    underlay.close();
    lanes.close();
    helpers.close();
    writeStages();
    closeClearSockets();
    control.close();
    protocol.engine().close();
    tun.close();
    closed.countDown();
    LOG.info("{}: closed", tun.name());
  }

  private synchronized void closeClearSockets() {
    if (clearSockets != null) {
      clearSockets.close();
    }
  }

  private void writeStages() {
    try {
      StageTimes.write(lanes.all().stream().map(Lane::stages).toList());
    } catch (IOException e) {
      LOG.warn("{}: stage times not written: {}", tun.name(), e.toString());
    }
  }

  private static DeviceException deviceException(IOException e) {
    int errno = e instanceof ErrnoException known ? known.errno() : Errno.EIO;
    return new DeviceException(String.valueOf(e.getMessage()), errno, e);
  }
}
