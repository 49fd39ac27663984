// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static dev.culvert.tunnel.lane.LaneCounter.PACKETS_DELIVERED;
import static dev.culvert.tunnel.lane.LaneCounter.PACKETS_SENT;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.routing.Classifier;
import dev.culvert.routing.Mark;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.engine.TunnelEvent;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.kernel.LinkMonitor;
import dev.culvert.tunnel.kernel.RestoreMonitor;
import dev.culvert.tunnel.lane.HelperLanes;
import dev.culvert.tunnel.lane.HostAddresses;
import dev.culvert.tunnel.lane.Lane;
import dev.culvert.tunnel.lane.LaneCounter;
import dev.culvert.tunnel.lane.LaneReading;
import dev.culvert.tunnel.lane.LaneRouter;
import dev.culvert.tunnel.lane.Lanes;
import dev.culvert.tunnel.lane.LoopReports;
import dev.culvert.tunnel.lane.SegmentationSwitch;
import dev.culvert.tunnel.lane.SelfTraffic;
import dev.culvert.tunnel.lane.StageTimes;
import dev.culvert.tunnel.port.DeviceGoneException;
import dev.culvert.tunnel.port.Offload;
import dev.culvert.tunnel.port.Tun;
import dev.culvert.tunnel.port.TunDevice;
import dev.culvert.tunnel.port.UdpOptions;
import dev.culvert.tunnel.runtime.VitalThread;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The packet-moving parts around an engine of either protocol, wired together: the TUN interface,
 * the lanes, the sockets and the control loop. It ends when it is closed or its interface is
 * deleted. Thread-safe.
 */
final class Gateway implements RunningTunnel {
  private static final EventLog LOG = EventLog.of(Gateway.class);

  private final Tun tun;
  private final TunnelEngine engine;
  private final RestoreWatch restoreWatch;
  private final ControlLoop control;
  private final HelperLanes helpers;
  private final Lanes lanes;
  private final SelfTraffic self;
  private final SegmentationSwitch segmentation;
  private final OffloadUse offloads;
  private final HostAddresses hostAddresses = new HostAddresses();
  private final Underlay underlay;
  private final Rebinding rebinding;
  private final ClusterTraffic clusterTraffic;
  private volatile int mtu;
  private final Duration rehearsal;
  private boolean rehearsalFailed;
  private final CipherSwitch cipher = new CipherSwitch();
  private final TunFollower follower;
  private @Nullable LinkMonitor linkMonitor;
  private @Nullable RestoreMonitor restoreMonitor;
  private volatile @Nullable StickySources sources;
  private final AtomicBoolean closing = new AtomicBoolean();

  /**
   * Held while this starts and while it closes: a deletion during the start takes effect after it,
   * and every caller of close returns only after everything has stopped, even if another thread
   * closes already.
   */
  private final Object lifecycle = new Object();

  /** Guarded by {@link #lifecycle}. */
  private boolean stopped;

  private final Motion motion;

  private final CountDownLatch closed = new CountDownLatch(1);
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

  private Gateway(
      Tun tun, TunnelEngine engine, Consumer<TunnelEvent> events, GatewayOptions options)
      throws IOException {
    this.tun = tun;
    this.engine = engine;
    clusterTraffic = new ClusterTraffic(engine);
    rehearsal = options.rehearsal();
    mtu = options.mtu() == GatewayOptions.MTU_AS_IS ? tun.locate().link().mtu() : options.mtu();
    tun.mtu(mtu);
    engine.mtu(mtu);
    String name = tun.name();
    restoreWatch =
        new RestoreWatch(System::nanoTime, System::currentTimeMillis, this::distrustKeys);
    control =
        new ControlLoop(
            name + "-control",
            engine,
            this::now,
            Gateway::wallNanos,
            datagram -> underlay().transmit(datagram),
            event -> onEvent(event, events),
            this::fail,
            VitalThread.PATIENCE);
    self =
        new SelfTraffic(
            () -> follower().indexAtHome(),
            options.encapsulation(),
            hostAddresses,
            new LoopReports(to -> control.later(() -> tellOfLoop(to, events))));
    segmentation =
        new SegmentationSwitch(
            options.offloads().of(Offload.UDP_SEGMENTATION),
            first -> control.later(() -> tellOfLostTrains(first)));
    helpers =
        new HelperLanes(
            name, options.effectiveHelpers(tun.ports().size()), engine::newDataPath, this::fail);
    lanes = new Lanes(name, tun.ports().size(), this::newLane, this::onFailure);
    underlay =
        new Underlay(
            lanes, self, options.encapsulation(), UdpOptions.DEFAULT.wantedBy(options.offloads()));
    offloads = new OffloadUse(options.offloads(), tun, underlay, segmentation);
    rebinding = new Rebinding(underlay, control, engine, this::fail);
    follower = new TunFollower(tun, new FollowedTun());
    motion =
        new Motion(
            tun,
            engine,
            lanes,
            underlay,
            control,
            restoreWatch,
            () -> counted().status(mtu, Map.of(), ""));
  }

  /**
   * Reacts to changes that other programs make to our interface: {@code ip link set mtu}, {@code ip
   * link del}.
   */
  private final class FollowedTun implements TunFollower.Listener {
    @Override
    public void mtu(int now) {
      useMtu(now);
    }

    @Override
    public void gone() {
      closeSoon();
    }
  }

  /**
   * Makes the interface (down, without addresses), binds a UDP port in both families and starts
   * moving packets. If the options have inherited descriptors, takes over that interface and those
   * sockets instead, and moves packets from {@link #begin} on.
   *
   * @param events receives the engine's events, on the control thread
   * @throws DeviceException if the interface or the sockets cannot be opened
   */
  static Gateway open(TunnelEngine engine, Consumer<TunnelEvent> events, GatewayOptions options)
      throws DeviceException {
    return open(engine, events, options, Gateway::device);
  }

  private static Tun device(GatewayOptions options) throws IOException {
    Descriptors inherited = options.inherited();
    String name = options.interfaceName();
    int lanes = options.effectiveLanes();
    return inherited == null
        ? TunDevice.open(name, lanes, options.offloads())
        : TunDevice.adopt(name, inherited.queues(), lanes, options.offloads());
  }

  /** Opens the TUN device of a gateway. */
  interface TunOpener {
    Tun open(GatewayOptions options) throws IOException;
  }

  /** Like the other one, with a device from {@code tuns}. */
  static Gateway open(
      TunnelEngine engine, Consumer<TunnelEvent> events, GatewayOptions options, TunOpener tuns)
      throws DeviceException {
    try {
      Gateway gateway = create(engine, events, options, tuns);
      try {
        synchronized (gateway.lifecycle) {
          gateway.start(options);
        }
      } catch (IOException | RuntimeException e) {
        try {
          gateway.close();
        } catch (RuntimeException inner) {
          e.addSuppressed(inner);
        }
        throw e;
      }
      return gateway;
    } catch (IOException e) {
      throw DeviceException.of(e);
    }
  }

  /**
   * Creates the gateway, which from here on owns the interface and closes it after its lanes have
   * ended.
   */
  private static Gateway create(
      TunnelEngine engine, Consumer<TunnelEvent> events, GatewayOptions options, TunOpener tuns)
      throws IOException {
    Tun tun = tuns.open(options);
    try {
      return new Gateway(tun, engine, events, options);
    } catch (IOException | RuntimeException e) {
      tun.close();
      throw e;
    }
  }

  private void start(GatewayOptions options) throws IOException {
    Descriptors given = options.inherited();
    if (given != null) {
      motion.hold();
    }
    TunnelSockets sockets =
        given == null || given.udp().isEmpty()
            ? underlay.bind(options.port(), options.fwmark())
            : underlay.adopt(given);
    underlay.close(underlay.use(sockets, sockets.mark()));
    offloads.check();
    control.start();
    helpers.start();
    sources = StickySources.start(tun.name(), engine, control, underlay, hostAddresses, this::fail);
    if (given == null) {
      motion.begin();
    }
    restoreMonitor =
        RestoreMonitor.start(
            new RestoreMonitor.Listener() {
              @Override
              public void clockSet() {
                restoreWatch.lookClosely();
              }

              @Override
              public void generationChanged() {
                restoreWatch.restored();
              }
            },
            this::fail);
    linkMonitor = LinkMonitor.start(false, follower::hear, this::fail);
    if (!tun.standsIn()) {
      follower.start(linkMonitor);
      LOG.info(
          LogEvent.TUNNEL_OPENED,
          "{}: {} lanes, {} helpers, offloads {}",
          Field.tunnel(tun.name()),
          lanes.count(),
          helpers.count(),
          offloads.inUse());
    }
  }

  private Lane newLane(int i) {
    return new Lane(
        tun.ports().get(i),
        tun.offloads(),
        new LaneRouter(engine, clusterTraffic::routes),
        new WatchedPath(engine.newDataPath(), restoreWatch),
        helpers,
        engine.overhead(),
        control::wakeIfDue,
        self,
        segmentation,
        System::nanoTime,
        Gateway::lost,
        new StageTimes(),
        mtu);
  }

  private static void lost(int packets, Throwable why) {
    LOG.per("lost packets").failure(LogEvent.PACKETS_LOST, why, "{} packets were lost", packets);
  }

  private TunFollower follower() {
    return follower;
  }

  private Underlay underlay() {
    return underlay;
  }

  /** Monotonic time in nanoseconds, for threads that are about to seal. */
  private long now() {
    long now = System.nanoTime();
    restoreWatch.look(now);
    return now;
  }

  private void distrustKeys(String reason) {
    engine.distrustKeys(reason);
    control.wakeIfDue();
  }

  private static long wallNanos() {
    Instant now = Instant.now();
    return Math.addExact(Math.multiplyExact(now.getEpochSecond(), 1_000_000_000L), now.getNano());
  }

  // ---------------------------------------------------------------- steering

  @Override
  public String interfaceName() {
    return tun.name();
  }

  @Override
  public int listenPort() {
    return underlay.port();
  }

  @Override
  public int fwmark() {
    return underlay.mark();
  }

  /**
   * Runs {@code work} on the control thread, to which the engine belongs.
   *
   * @throws DeviceException with the exception of the work, or if the gateway is closed
   */
  <T> T control(Callable<T> work) throws DeviceException {
    motion.refuseWhilePaused();
    return control.ask(work);
  }

  /**
   * Changes port and mark together with {@code work} on the control thread, all or nothing. If the
   * port is the same, the sockets stay.
   *
   * @param port 0 for any that is free
   */
  void rebind(int port, int mark, Callable<@Nullable Void> work) throws DeviceException {
    motion.refuseWhilePaused();
    rebinding.rebind(port, mark, work);
  }

  @Override
  public void useClassifier(Classifier classifier, Mark bypass) throws DeviceException {
    control(
        () -> {
          clusterTraffic.use(classifier, bypass, lanes);
          return null;
        });
  }

  /**
   * Looks up the peers for the classifier again after the engine's peers changed. On the control
   * thread.
   */
  void peersChanged() {
    clusterTraffic.peersChanged();
  }

  @Override
  public void greet() throws DeviceException {
    control(
        () -> {
          engine.greet();
          return null;
        });
  }

  @Override
  public void endWhenMoved() {
    follower.endWhenMoved();
  }

  private void useMtu(int now) {
    mtu = now;
    engine.mtu(now);
    for (Lane lane : lanes.all()) {
      lane.mtu(now);
      // Packets segmented for the old MTU that arrive late get a too-big reply if DF is set.
      lane.limit(now);
    }
  }

  /**
   * Calls {@code use} with the fastest cipher once it is known, and rehearses until there is
   * traffic, if the options say so.
   */
  void chooseCipher(AeadAlgorithm algorithm, Consumer<AeadBackend> use) {
    Demand demand =
        new Demand(
            () -> count(PACKETS_SENT) + count(PACKETS_DELIVERED),
            System::nanoTime,
            LockSupport::parkNanos,
            () -> closing.get() || closed.getCount() == 0 || motion.isPaused(),
            rehearsal.isPositive() ? Demand.HURRIED : Demand.PATIENT);
    cipher.start(tun.name(), algorithm, demand, () -> rehearse(algorithm, demand), closed, use);
  }

  /** On the thread of the cipher's choice; not again once it failed. */
  private void rehearse(AeadAlgorithm algorithm, Demand demand) {
    if (rehearsal.isPositive() && !rehearsalFailed) {
      rehearsalFailed =
          !Rehearsal.beside(
              tun.name(), algorithm, clusterTraffic.routes() != null, rehearsal, demand::isThere);
    }
  }

  /** The lanes' sum of a counter. */
  long count(LaneCounter counter) {
    return lanes.all().stream().mapToLong(lane -> lane.counters().of(counter)).sum();
  }

  @Override
  public GatewayStatus status() {
    return counted().drops(List.of(engine.drops())).status(mtu, offloads.states(), cipher.cipher());
  }

  /** All counters but the engine's, which it hands over itself. */
  private StatusSum counted() {
    StatusSum sum =
        new StatusSum()
            .lanes(lanes.all())
            .drops(helpers.dataPaths().stream().map(DataPath::drops).toList())
            .drops(List.of(underlay.drops()));
    return motion.add(sum);
  }

  // ---------------------------------------------------------------- hand-over

  @Override
  public Descriptors descriptors() throws DeviceException {
    return motion.descriptors();
  }

  @Override
  public void pause(StateWriter out) throws DeviceException {
    synchronized (lifecycle) {
      refuseIfStopped();
      motion.pause(out);
    }
  }

  /**
   * Continues the state that another process has saved, before {@link #begin}.
   *
   * @throws DeviceException if it cannot be read; nothing was changed
   */
  void restore(StateReader in) throws DeviceException {
    motion.restore(in);
    // The classifier was there before the peers.
    control.ask(
        () -> {
          peersChanged();
          return null;
        });
  }

  @Override
  public Duration begin() throws DeviceException {
    synchronized (lifecycle) {
      refuseIfStopped();
      motion.begin();
      return motion.sincePause();
    }
  }

  @Override
  public void takeBack(@Nullable String doubt) throws DeviceException {
    synchronized (lifecycle) {
      refuseIfStopped();
      motion.takeBack(doubt);
    }
  }

  @Override
  public void keepQueues(Consumer<List<Integer>> keeper) {
    synchronized (lifecycle) {
      if (!stopped) {
        keeper.accept(motion.queues());
      }
    }
  }

  @Override
  public int discardWaiting() throws DeviceException {
    synchronized (lifecycle) {
      refuseIfStopped();
      return motion.discardWaiting();
    }
  }

  private void refuseIfStopped() throws DeviceException {
    if (stopped) {
      throw DeviceException.closed();
    }
  }

  @Override
  public EngineReading reading() throws DeviceException {
    return control(() -> engine.reading(System.nanoTime()));
  }

  @Override
  public List<LaneReading> lanes(Duration wait) {
    return lanes.read(wait);
  }

  @Override
  public void useSegmentation(Offload.Mode mode) throws DeviceException {
    motion.refuseWhilePaused();
    offloads.useSegmentation(mode);
  }

  /** Once as a warning; the trains are tried again every hour. */
  private void tellOfLostTrains(boolean first) {
    String text =
        "{}: the kernel loses trains that it is to segment (udp-segmentation), as Linux 7.0 to"
            + " 7.1.4 does, perhaps that of the hypervisor: packets are sent one by one for an hour";
    if (first) {
      LOG.warn(LogEvent.OFFLOAD_OFF, text, Field.tunnel(tun.name()));
    } else {
      LOG.info(LogEvent.OFFLOAD_OFF, text, Field.tunnel(tun.name()));
    }
  }

  // ---------------------------------------------------------------- events of the engine

  private void onEvent(TunnelEvent event, Consumer<TunnelEvent> events) {
    StickySources asked = sources;
    if (event instanceof TunnelEvent.SourceHeard heard && asked != null) {
      asked.heard(heard.peer());
    } else {
      events.accept(event);
    }
  }

  private void tellOfLoop(Endpoint to, Consumer<TunnelEvent> events) {
    for (TunnelPeer peer : engine.peers()) {
      Endpoint at = peer.endpoint();
      if (at != null && at.isSamePlace(to)) {
        events.accept(new TunnelEvent.EndpointLooped(peer.toString(), at));
      }
    }
  }

  /**
   * Handles a failure of a lane's handler. The gateway ends if the device was removed, after an
   * error, or if a lane died; any other failure costs one batch.
   */
  private void onFailure(Throwable thrown) {
    if (thrown.getCause() instanceof DeviceGoneException) {
      closeSoon();
    } else if (thrown instanceof Error || thrown instanceof Lanes.LoopEndedException) {
      LOG.failure(LogEvent.LANE_FAILED, thrown, "{}: a lane failed", Field.tunnel(tun.name()));
      fail(thrown);
    } else {
      LOG.per(tun.name())
          .failure(LogEvent.PACKETS_LOST, thrown, "{}: a batch was lost", Field.tunnel(tun.name()));
    }
  }

  /** Closes from another thread, since a lane's thread cannot wait for itself. */
  private void closeSoon() {
    if (!closing.get()) {
      Thread.ofPlatform().name(tun.name() + "-close").start(this::close);
    }
  }

  /**
   * Records the failure of a vital part. The thread that waits for the end learns of it, and closes
   * the gateway.
   */
  private void fail(Throwable cause) {
    if (!closing.get()) {
      failure.compareAndSet(null, cause);
      closed.countDown();
    }
  }

  @Override
  public Optional<String> failure() {
    return Optional.ofNullable(failure.get()).map(Throwable::toString);
  }

  @Override
  public void awaitClosed() throws InterruptedException {
    closed.await();
  }

  /**
   * Removes the interface, the sockets and the threads, and makes the engine wipe its keys. May be
   * called again.
   */
  @Override
  public void close() {
    closing.set(true);
    synchronized (lifecycle) {
      // Not decided by the latch, which is also open after a failure, when the gateway still has to
      // be closed.
      if (!stopped) {
        stopped = true;
        try {
          stop();
          if (!tun.standsIn()) {
            LOG.info(LogEvent.TUNNEL_CLOSED, "{}: closed", Field.tunnel(tun.name()));
          }
        } finally {
          closed.countDown();
        }
      }
    }
  }

  /**
   * Stops all parts. Descriptors are closed only when they are not in use any more, since a running
   * lane would otherwise send to another file that gets the number.
   */
  private void stop() {
    new Closing()
        .then(linkMonitor)
        .then(sources)
        .then(restoreMonitor)
        .then(underlay)
        .then(lanes)
        // Again, since a lane that did not answer may have ended meanwhile.
        .then(underlay)
        .then(helpers)
        .then(this::writeStages)
        .then(lanes.hasEnded() ? clusterTraffic : null)
        .then(control)
        .then(this::closeEngine)
        .then(lanes.hasEnded() ? tun : null)
        .end();
  }

  private void closeEngine() {
    if (control.hasEnded() && lanes.hasEnded() && helpers.hasEnded()) {
      engine.close();
    } else {
      LOG.error(
          LogEvent.TUNNEL_HANGS,
          "{}: not all its threads end; keys go with the process",
          Field.tunnel(tun.name()));
    }
  }

  private void writeStages() {
    try {
      if (StageTimes.FILE != null && !tun.standsIn()) {
        Files.writeString(
            Path.of(StageTimes.FILE),
            StageTimes.report(lanes.all().stream().map(Lane::stages).toList()));
      }
    } catch (IOException e) {
      LOG.warn(
          LogEvent.FILE_UNWRITTEN,
          "{}: stage times not written: {}",
          Field.tunnel(tun.name()),
          Field.reason(e));
    }
  }
}
