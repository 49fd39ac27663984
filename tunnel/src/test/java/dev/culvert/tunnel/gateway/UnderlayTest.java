// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.kernel.Errno;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.lane.LaneCluster;
import dev.culvert.tunnel.lane.LaneCounter;
import dev.culvert.tunnel.lane.LaneEnd;
import dev.culvert.tunnel.lane.Lanes;
import dev.culvert.tunnel.lane.NumberedPackets;
import dev.culvert.tunnel.lane.TestEnd;
import dev.culvert.tunnel.port.Encapsulation;
import dev.culvert.tunnel.port.IpFamily;
import dev.culvert.tunnel.port.UdpOptions;
import dev.culvert.tunnel.port.UdpPort;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The sockets under lanes that run on loops of their own. */
final class UnderlayTest {
  private final LaneEnd here = new LaneEnd(1, false, 0, LaneCluster.BACKEND, path -> path);
  private final LaneEnd there = new LaneEnd(2, false, 0, LaneCluster.BACKEND, path -> path);
  private final ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
  private final Lanes lanes = new Lanes("underlay", 1, i -> here.lane, failures::add);
  private final Underlay underlay =
      new Underlay(lanes, TestEnd.selfTraffic(), Encapsulation.UDP, UdpOptions.DEFAULT);

  UnderlayTest() throws Exception {}

  @BeforeEach
  void start() {
    here.connect(there);
    lanes.start(List.of(here.tun.port()));
  }

  @AfterEach
  void close() {
    underlay.close();
    lanes.close();
    here.close();
    there.close();
    assertEquals(List.of(), List.copyOf(failures));
  }

  private int use(TunnelSockets sockets) throws ErrnoException {
    underlay.close(underlay.use(sockets, 0));
    UdpPort v4 = sockets.udp(0, IpFamily.V4);
    assertNotNull(v4);
    return v4.fd();
  }

  private static void await(String event, BooleanSupplier condition) throws Exception {
    long giveUp = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < giveUp, event);
      Thread.sleep(1);
    }
  }

  /** Binds sockets until one has the number, as any other part of the program may. */
  private static UdpPort strangerWith(int number, List<UdpPort> opened) throws ErrnoException {
    UdpPort port;
    do {
      port = UdpPort.bind(IpFamily.V4, 0, false, UdpOptions.DEFAULT);
      opened.add(port);
    } while (port.fd() < number);
    assertEquals(number, port.fd());
    return port;
  }

  private long received() {
    try {
      there.lane.onUdp(there.socket);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return there.lane.counters().of(LaneCounter.PACKETS_DELIVERED);
  }

  @Test
  void aLaneThatRunsOnSendsNothingThroughTheNumberOfAClosedSocket() throws Exception {
    int number = use(underlay.bind(0, 0));
    here.feed(NumberedPackets.superPacket(1, 2, 0, 1));
    await("a packet through the socket", () -> received() == 1);
    underlay.close();
    List<UdpPort> opened = new ArrayList<>();
    try {
      strangerWith(number, opened);
      here.feed(NumberedPackets.superPacket(1, 2, 1, 1));
      await(
          "a packet dropped or sent",
          () -> received() > 1 || here.lane.drops().of(DropReason.SEND_FAILED) > 0);
      assertEquals(1, received(), "packets, one of them through a stranger's socket");
      assertEquals(Map.of(DropReason.SEND_FAILED, 1L), here.drops());
    } finally {
      opened.forEach(UdpPort::close);
    }
  }

  @Test
  void whatIsBoundWhileAnotherThreadClosesIsClosedToo() throws Exception {
    TunnelSockets late = underlay.bind(0, 0);
    underlay.close();
    ErrnoException refused = assertThrows(ErrnoException.class, () -> use(late));
    assertEquals(Errno.EBADF, refused.errno());
    UdpPort socket = late.udp(0, IpFamily.V4);
    assertNotNull(socket);
    assertThrows(ErrnoException.class, () -> socket.mark(0), "it is open");
    assertEquals(0, underlay.port());
  }

  @Test
  void lanesWhoseLoopsHaveEndedKeepNobodyFromClosing() throws Exception {
    use(underlay.bind(0, 0));
    lanes.close();
    underlay.close();
  }

  @Test
  void socketsThatALaneMayStillUseAreClosedOnceItAnswers() throws Exception {
    LaneEnd slowEnd = new LaneEnd(3, false, 0, LaneCluster.BACKEND, path -> path);
    Lanes slow = new Lanes("slow", 1, i -> slowEnd.lane, failures::add, Duration.ofMillis(300));
    Underlay under =
        new Underlay(slow, TestEnd.selfTraffic(), Encapsulation.UDP, UdpOptions.DEFAULT);
    TunnelSockets sockets = under.bind(0, 0);
    under.close(under.use(sockets, 0));
    UdpPort socket = sockets.udp(0, IpFamily.V4);
    assertNotNull(socket);
    CountDownLatch stuck = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    Thread blocker =
        Thread.ofPlatform()
            .start(
                () ->
                    assertThrows(
                        IllegalStateException.class,
                        () ->
                            slow.onEach(
                                (i, lane) -> {
                                  stuck.countDown();
                                  awaitUninterruptibly(release);
                                })));
    stuck.await();
    assertThrows(IllegalStateException.class, under::close);
    socket.mark(0); // It is open: the lane may be about to send through its number.
    blocker.join();
    release.countDown();
    slow.close();
    under.close();
    assertThrows(ErrnoException.class, () -> socket.mark(0), "it is open");
    slowEnd.close();
  }

  @Test
  void whoGoesBackSendsAndReceivesThroughWhatWasUsedBefore() throws Exception {
    TunnelSockets before = underlay.bind(0, 0);
    use(before);
    TunnelSockets next = underlay.bind(0, 0);
    Underlay.Former former = underlay.use(next, 7);
    assertEquals(next.port(), underlay.port());
    underlay.goBack(former);
    assertEquals(before.port(), underlay.port());
    assertEquals(0, underlay.mark());
    here.feed(NumberedPackets.superPacket(1, 2, 0, 1));
    await("a packet through the socket", () -> received() == 1);
    UdpPort given = next.udp(0, IpFamily.V4);
    assertNotNull(given);
    assertThrows(ErrnoException.class, () -> given.mark(0), "it is open");
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
