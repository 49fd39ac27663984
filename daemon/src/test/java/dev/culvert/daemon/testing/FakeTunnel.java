// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.testing;

import static dev.culvert.tunnel.lane.LaneCounter.PACKETS_DELIVERED;
import static dev.culvert.tunnel.lane.LaneCounter.PACKETS_SENT;
import static dev.culvert.tunnel.lane.LaneCounter.TRAINS_RECEIVED;
import static dev.culvert.tunnel.lane.LaneCounter.TRAINS_SENT;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.Mark;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.EngineReading;
import dev.culvert.tunnel.engine.HandshakeOutcome;
import dev.culvert.tunnel.engine.PeerReading;
import dev.culvert.tunnel.engine.RemovedTraffic;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.gateway.Descriptors;
import dev.culvert.tunnel.gateway.DeviceException;
import dev.culvert.tunnel.gateway.GatewayStatus;
import dev.culvert.tunnel.gateway.RunningTunnel;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.lane.LaneReading;
import dev.culvert.tunnel.lane.TrafficStatus;
import dev.culvert.tunnel.port.Offload;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A tunnel that moves nothing, and has counted a little. */
public final class FakeTunnel implements RunningTunnel {
  private final String name;
  private final Runnable onClose;
  private final CountDownLatch closed = new CountDownLatch(1);
  private final List<Classifier> classifiers = new ArrayList<>();
  private final AtomicInteger greetings = new AtomicInteger();
  private final AtomicInteger discarded = new AtomicInteger();
  private volatile List<Integer> queues = List.of();
  private volatile @Nullable String failure;
  private volatile int listenPort;
  private volatile List<PeerReading> peers = List.of();
  private volatile long silentNanos;
  private volatile int fwmark;
  private volatile Offload.Mode segmentation = Offload.Mode.AUTO;

  /**
   * @param onClose run once, at the first {@link #close}
   */
  FakeTunnel(String name, Runnable onClose) {
    this.name = name;
    this.onClose = onClose;
  }

  void bind(int newPort, int newMark) {
    listenPort = newPort;
    fwmark = newMark;
  }

  /** The classifiers that {@link #useClassifier} was given, in order. */
  public synchronized List<Classifier> classifiers() {
    return List.copyOf(classifiers);
  }

  /** As if a part of it had died. */
  public void fail(String reason) {
    failure = reason;
    closed.countDown();
  }

  public boolean isClosed() {
    return closed.getCount() == 0;
  }

  @Override
  public String interfaceName() {
    return name;
  }

  @Override
  public int listenPort() {
    return listenPort;
  }

  @Override
  public int fwmark() {
    return fwmark;
  }

  @Override
  public synchronized void useClassifier(Classifier classifier, Mark bypass) {
    classifiers.add(classifier);
  }

  @Override
  public void greet() {
    greetings.incrementAndGet();
  }

  /** How often the peers that were new then were greeted. */
  public int greetings() {
    return greetings.get();
  }

  @Override
  public void pause(StateWriter out) {}

  @Override
  public Descriptors descriptors() {
    return Descriptors.NONE;
  }

  @Override
  public Duration begin() {
    return Duration.ZERO;
  }

  @Override
  public int discardWaiting() {
    return discarded.incrementAndGet();
  }

  /** How often waiting packets were dropped. */
  public int discards() {
    return discarded.get();
  }

  /** The descriptors of its queues from now on. */
  public void queues(List<Integer> descriptors) {
    queues = List.copyOf(descriptors);
  }

  @Override
  public void keepQueues(Consumer<List<Integer>> keeper) {
    keeper.accept(queues);
  }

  @Override
  public void takeBack(@Nullable String doubt) {}

  @Override
  public void useSegmentation(Offload.Mode mode) throws DeviceException {
    if (mode == Offload.Mode.ON) {
      throw new DeviceException("not granted", Errno.EOPNOTSUPP);
    }
    segmentation = mode;
  }

  @Override
  public GatewayStatus status() {
    return new GatewayStatus(
        1420,
        2,
        Map.of(
            Offload.TUN_TSO,
            Offload.State.IN_USE,
            Offload.UDP_SEGMENTATION,
            segmentation == Offload.Mode.OFF
                ? Offload.State.CONFIGURED
                : Offload.State.KERNEL_GSO_BUG),
        "fake",
        Map.of(PACKETS_SENT, 10L, PACKETS_DELIVERED, 20L, TRAINS_SENT, 5L, TRAINS_RECEIVED, 4L),
        Map.of(DropReason.BAD_TAG, 3L),
        TrafficStatus.NONE);
  }

  /** Its peers from now on. */
  public void peers(List<PeerReading> now) {
    peers = List.copyOf(now);
  }

  @Override
  public EngineReading reading() {
    return new EngineReading(
        peers, RemovedTraffic.NONE, Map.of(HandshakeOutcome.INITIATED, 2L), 7, 0);
  }

  /** A lane that is stuck from now on does not answer. */
  public void stuckFor(Duration silence) {
    silentNanos = silence.toNanos();
  }

  @Override
  public List<LaneReading> lanes(Duration wait) {
    return List.of(new LaneReading(0, silentNanos, 1_000_000), new LaneReading(1, 0, -1));
  }

  @Override
  public void endWhenMoved() {}

  @Override
  public Optional<String> failure() {
    return Optional.ofNullable(failure);
  }

  @Override
  public void awaitClosed() throws InterruptedException {
    closed.await();
  }

  @Override
  public void close() {
    if (closed.getCount() > 0) {
      onClose.run();
    }
    closed.countDown();
  }
}
