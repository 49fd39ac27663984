package dev.culvert.tunnel.gateway;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.kernel.LinkEvent;
import dev.culvert.tunnel.kernel.LinkMonitor;
import dev.culvert.tunnel.port.DeviceGoneException;
import dev.culvert.tunnel.port.TunDevice;
import dev.culvert.tunnel.port.UdpPort;
import dev.culvert.tunnel.port.UdpSockets;
import dev.culvert.tunnel.wireguard.DeviceSnapshot;
import dev.culvert.tunnel.wireguard.DeviceUpdate;
import dev.culvert.tunnel.wireguard.WireGuardEngine;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A WireGuard device that moves packets: the TUN interface, the engine, the lanes and the control
 * loop, wired together. It ends when it is closed or its interface is deleted.
 */
public final class Gateway implements WireGuardDevice, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Gateway.class);

  private static final long CIPHER_DELAY_MILLIS = 500;

  private final TunDevice tun;
  private volatile String cipher;
  private final WireGuardEngine engine;
  private final ControlLoop control;
  private final Lanes lanes;
  private final Underlay underlay;
  private final @Nullable TimestampStore timestamps;
  private @Nullable LinkMonitor linkMonitor;
  private final AtomicBoolean closing = new AtomicBoolean();
  private final CountDownLatch closed = new CountDownLatch(1);

  private Gateway(TunDevice tun, GatewayOptions options) throws IOException {
    this.tun = tun;
    AeadBackend first = AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305);
    cipher = first.name();
    timestamps = openTimestamps(options.stateDirectory());
    engine = new WireGuardEngine(first, new SecureRandom(), options.keyLog());
    if (timestamps != null) {
      engine.minimumTimestamp(timestamps.floor(Instant.now()));
    }
    tun.mtu(options.effectiveMtu());
    engine.mtu(options.effectiveMtu());
    String name = tun.name();
    control =
        new ControlLoop(
            name + "-control",
            engine,
            System::nanoTime,
            Gateway::wallNanos,
            datagram -> underlay().transmit(datagram),
            this::onEvent);
    lanes = new Lanes(name, tun.ports().size(), this::newLane, this::onFailure);
    underlay = new Underlay(lanes);
  }

  /**
   * Makes the interface (down, without addresses), binds a free UDP port in both families and
   * starts moving packets.
   *
   * @throws DeviceException where the interface, the sockets or the state directory cannot be had
   */
  public static Gateway open(GatewayOptions options) throws DeviceException {
    Preparation.startNetty();
    try {
      TunDevice tun = TunDevice.open(options.interfaceName(), options.effectiveLanes());
      try {
        Gateway gateway = new Gateway(tun, options);
        try {
          gateway.start();
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

  private void start() throws IOException {
    underlay.use(underlay.bind(0, 0), 0);
    control.start();
    lanes.start(tun.ports());
    linkMonitor = LinkMonitor.start(Set.of(), this::onLinkEvent);
    Thread.ofPlatform().name(tun.name() + "-cipher").daemon().start(this::chooseCipher);
    LOG.info("{}: {} lanes, cipher {}, offloads {}", tun.name(), lanes.count(), cipher, offloads());
  }

  /**
   * What is fastest shows only once the JVM has compiled it; until then the first backend carries
   * the traffic. That takes a processor for seconds, so the first handshakes get theirs before.
   */
  private void chooseCipher() {
    try {
      if (closed.await(CIPHER_DELAY_MILLIS, TimeUnit.MILLISECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    AeadBackends.Selection selection = CipherChoice.select(AeadAlgorithm.CHACHA20_POLY1305);
    engine.useBackend(selection.backend());
    cipher = selection.backend().name();
    LOG.info("{}: cipher {} of {}", tun.name(), cipher, selection.candidates());
  }

  private Lane newLane(int i) {
    Lane.Router router =
        new Lane.Router() {
          @Override
          public @Nullable TunnelPeer route4(int destination) {
            return engine.route4(destination);
          }

          @Override
          public @Nullable TunnelPeer route6(long high, long low) {
            return engine.route6(high, low);
          }
        };
    return new Lane(
        tun.ports().get(i),
        tun.offloads(),
        router,
        engine.newDataPath(),
        engine.overhead(),
        control,
        System::nanoTime,
        engine.mtu());
  }

  private Underlay underlay() {
    return underlay;
  }

  private static long wallNanos() {
    Instant now = Instant.now();
    return Math.addExact(Math.multiplyExact(now.getEpochSecond(), 1_000_000_000L), now.getNano());
  }

  private static @Nullable TimestampStore openTimestamps(@Nullable Path directory)
      throws IOException {
    return directory == null ? null : TimestampStore.open(directory);
  }

  // ---------------------------------------------------------------- steering

  @Override
  public String interfaceName() {
    return tun.name();
  }

  @Override
  public synchronized void configure(DeviceUpdate update) throws DeviceException {
    int port = update.listenPort().orElse(underlay.port());
    int mark = update.fwmark().orElse(underlay.mark());
    boolean otherPort = port == 0 || port != underlay.port();
    int markBefore = underlay.mark();
    UdpSockets fresh = null;
    try {
      if (otherPort && update.listenPort().isPresent()) {
        fresh = underlay.bind(port, mark);
      } else {
        underlay.mark(mark);
      }
      control.call(
          () -> {
            engine.apply(update);
            return null;
          });
      if (fresh != null) {
        underlay.use(fresh, mark);
      }
    } catch (IOException e) {
      throw deviceException(e);
    } catch (ExecutionException e) {
      undo(fresh, markBefore);
      Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
      throw new DeviceException(String.valueOf(cause.getMessage()), Errno.EINVAL, cause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      undo(fresh, markBefore);
      throw new DeviceException("interrupted", Errno.EINTR, e);
    }
  }

  private void undo(@Nullable UdpSockets fresh, int markBefore) throws DeviceException {
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

  @Override
  public DeviceSnapshot snapshot() {
    try {
      return control.call(engine::snapshot);
    } catch (ExecutionException e) {
      throw new IllegalStateException("no snapshot of " + tun.name(), e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  @Override
  public int listenPort() {
    return underlay.port();
  }

  @Override
  public int fwmark() {
    return underlay.mark();
  }

  @Override
  public GatewayStatus status() {
    long sealed = 0;
    long opened = 0;
    long trainsSent = 0;
    long trainsReceived = 0;
    Map<DropReason, Long> drops = new EnumMap<>(DropReason.class);
    for (Lane lane : lanes.all()) {
      LaneCounters counters = lane.counters();
      sealed += counters.packetsSealed();
      opened += counters.packetsOpened();
      trainsSent += counters.trainsSent();
      trainsReceived += counters.trainsReceived();
      lane.drops().addTo(drops);
      lane.dataPath().drops().addTo(drops);
    }
    for (DropCounters counters : List.of(engine.drops(), underlay.drops())) {
      counters.addTo(drops);
    }
    return new GatewayStatus(
        engine.mtu(),
        lanes.count(),
        offloads(),
        cipher,
        sealed,
        opened,
        trainsSent,
        trainsReceived,
        drops);
  }

  private List<String> offloads() {
    List<String> offloads = new ArrayList<>();
    addIf(offloads, tun.offloads().tso(), "tun-tso");
    addIf(offloads, tun.offloads().uso(), "tun-uso");
    UdpPort socket = underlay.first();
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

  private void onEvent(TunnelEvent event) {
    switch (event) {
      case TunnelEvent.SessionEstablished e ->
          LOG.debug("{}: session with {} at {}", tun.name(), e.peer(), e.endpoint());
      case TunnelEvent.EndpointMoved e ->
          LOG.info("{}: {} moved from {} to {}", tun.name(), e.peer(), e.from(), e.to());
      case TunnelEvent.HandshakeAbandoned e ->
          LOG.warn("{}: {} did not answer {} handshakes", tun.name(), e.peer(), e.attempts());
      case TunnelEvent.TimestampAnswered e -> keepTimestamp(e.timestamp());
      case TunnelEvent.KeyRefused e ->
          LOG.error("{}: a key for {} was refused: {}", tun.name(), e.peer(), e.reason());
    }
  }

  private void keepTimestamp(Instant timestamp) {
    if (timestamps != null) {
      try {
        timestamps.answered(timestamp);
      } catch (IOException e) {
        LOG.warn("{}: handshake timestamp not kept: {}", tun.name(), e.toString());
      }
    }
  }

  /** Others change our interface: {@code ip link set mtu}, {@code ip link del}. */
  private void onLinkEvent(LinkEvent event) {
    switch (event) {
      case LinkEvent.Changed e when e.after().index() == tun.index() -> {
        engine.mtu(e.after().mtu());
        lanes.all().forEach(lane -> lane.mtu(e.after().mtu()));
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
  public void awaitClosed() throws InterruptedException {
    closed.await();
  }

  /**
   * Takes the interface, the sockets and the threads away and wipes the keys. May be called again.
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
    writeStages();
    control.close();
    engine.close();
    tun.close();
    closed.countDown();
    LOG.info("{}: closed", tun.name());
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
