// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.offload.VnetHeader;
import dev.culvert.tunnel.port.IpFamily;
import dev.culvert.tunnel.port.UdpOptions;
import dev.culvert.tunnel.port.UdpPort;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.opentest4j.AssertionFailedError;

/**
 * Whatever throws in a lane, and at which packet it does: nothing is written to the TUN that was
 * not authenticated, and nothing is sent that was not sealed for whom it goes to.
 */
final class LaneFaultTest {
  private static final int FAULTY = 1;
  private static final int PACKETS = 45;
  private static final int HEADERS = VnetHeader.SIZE + 28;
  private static final int FEWEST_PLACES = 100;

  private final List<TestEnd> ends = new ArrayList<>();
  private final Faults faults = new Faults();
  private final Set<Integer> seen = new HashSet<>();
  private final MemorySegment buffer = Arena.ofAuto().allocate(1 << 17, 64);
  private int next;

  private enum Engine {
    WIREGUARD,
    ESP
  }

  @AfterEach
  void closeAll() {
    ends.forEach(TestEnd::close);
  }

  /** The end that throws, and others that do not and know it alone. */
  private List<TestEnd> connected(Engine engine, int helpers, int others) throws IOException {
    if (engine == Engine.ESP) {
      AeadAlgorithm cipher = AeadAlgorithm.AES_GCM;
      EspLaneEnd faulty = new EspLaneEnd(FAULTY, true, helpers, faults.backend(cipher), faults);
      ends.add(faulty);
      for (int i = 1; i <= others; i++) {
        EspLaneEnd end =
            new EspLaneEnd(FAULTY + i, true, 0, AeadBackends.first(cipher), Faults.NONE);
        ends.add(end);
        faulty.connect(end);
      }
    } else {
      AeadAlgorithm cipher = AeadAlgorithm.CHACHA20_POLY1305;
      LaneEnd faulty =
          new LaneEnd(FAULTY, true, helpers, faults.backend(cipher), path -> path, faults);
      ends.add(faulty);
      for (int i = 1; i <= others; i++) {
        LaneEnd end = new LaneEnd(FAULTY + i, true, 0, LaneCluster.BACKEND, path -> path);
        ends.add(end);
        faulty.connect(end);
      }
    }
    return ends;
  }

  private void feed(int from, int to, int packets) {
    ends.get(from - FAULTY).feed(NumberedPackets.superPacket(from, to, next, packets));
    next += packets;
  }

  @ParameterizedTest
  @CsvSource({"WIREGUARD, 0", "WIREGUARD, 2", "ESP, 0", "ESP, 2"})
  void nothingReachesTheTunThatWasNotAuthenticated(Engine engine, int helpers) throws Exception {
    connected(engine, helpers, 1);
    TestEnd receiver = ends.getFirst();
    TestEnd sender = ends.getLast();
    try (UdpPort attacker = UdpPort.bind(IpFamily.V4, 0, false, UdpOptions.DEFAULT)) {
      int place = 0;
      do {
        for (int i = 0; i < 3; i++) {
          feed(FAULTY + 1, FAULTY, PACKETS);
          sender.lane().onTun();
          attack(attacker, receiver, 1);
        }
        faults.throwAt(place++);
        drive(() -> receiver.lane().onUdp(receiver.socket()));
        // Fills the receive buffers from the first on.
        attack(attacker, receiver, 8);
        receiver.lane().onUdp(receiver.socket());
        takeAll(receiver, FAULTY + 1, FAULTY);
      } while (thrown);
      assertTrue(place > FEWEST_PLACES, place + " places");
    }
    seen.clear();
    feed(FAULTY + 1, FAULTY, PACKETS);
    sender.lane().onTun();
    receiver.lane().onUdp(receiver.socket());
    takeAll(receiver, FAULTY + 1, FAULTY);
    assertEquals(PACKETS, seen.size(), "a lane that threw goes on");
    assertTrue(receiver.drops().getOrDefault(DropReason.INTERNAL_ERROR, 0L) > 0);
  }

  @ParameterizedTest
  @CsvSource({"WIREGUARD, 0", "WIREGUARD, 2", "ESP, 0", "ESP, 2"})
  void nothingIsSentThatWasNotSealedForWhomItGoesTo(Engine engine, int helpers) throws Exception {
    connected(engine, helpers, 2);
    TestEnd sender = ends.getFirst();
    int place = 0;
    do {
      feed(FAULTY, FAULTY + 1, PACKETS);
      feed(FAULTY, FAULTY + 2, PACKETS);
      feed(FAULTY, FAULTY + 1, 1);
      faults.throwAt(place++);
      drive(() -> sender.lane().onTun());
      // In the same place of the buffers, but less of it and for another.
      feed(FAULTY, FAULTY + 2, 3);
      sender.lane().onTun();
      takeSealed();
    } while (thrown);
    assertTrue(place > FEWEST_PLACES, place + " places");
    assertEquals(List.of(), faults.leaks());
    seen.clear();
    feed(FAULTY, FAULTY + 1, PACKETS);
    feed(FAULTY, FAULTY + 2, PACKETS);
    sender.lane().onTun();
    takeSealed();
    assertEquals(2 * PACKETS, seen.size(), "a lane that threw goes on");
    assertTrue(sender.drops().getOrDefault(DropReason.INTERNAL_ERROR, 0L) > 0);
  }

  @ParameterizedTest
  @CsvSource({"WIREGUARD, 0", "WIREGUARD, 2", "ESP, 0", "ESP, 2"})
  void aDatagramThatMakesTheEngineThrowCostsOnlyItself(Engine engine, int helpers)
      throws Exception {
    connected(engine, helpers, 1);
    TestEnd receiver = ends.getFirst();
    TestEnd sender = ends.getLast();
    faults.throwOn(
        train -> train.memory().get(ValueLayout.JAVA_BYTE, train.slot(0)) == (byte) 0xee);
    try (UdpPort attacker = UdpPort.bind(IpFamily.V4, 0, false, UdpOptions.DEFAULT)) {
      for (int i = 0; i < 3; i++) {
        attack(attacker, receiver, 1);
        feed(FAULTY + 1, FAULTY, PACKETS);
        sender.lane().onTun();
      }
      receiver.lane().onUdp(receiver.socket());
    }
    takeAll(receiver, FAULTY + 1, FAULTY);
    assertEquals(3 * PACKETS, seen.size());
    assertEquals(Map.of(DropReason.INTERNAL_ERROR, 3L), receiver.drops());
  }

  private boolean thrown;

  /** A batch that may throw; only the meant error is thrown. */
  private void drive(Lanes.Handler batch) throws IOException {
    try {
      batch.run();
    } catch (Faults.Meant meant) {
      // The loop would log it.
    } finally {
      thrown = faults.stop();
    }
  }

  /** Datagrams that look like nothing, which the lane must not take for packets. */
  private void attack(UdpPort attacker, TestEnd victim, int datagrams) {
    buffer.asSlice(0, 16_000).fill((byte) 0xee);
    Endpoint to = Endpoint.of(IpAddress.parse("127.0.0.1"), victim.socket().port());
    for (int i = 0; i < datagrams; i++) {
      assertEquals(0, attacker.sendOne(buffer, 0, 16_000, to, 0));
    }
  }

  /** Opens the sent datagrams at their receivers: no tag was wrong and no counter came twice. */
  private void takeSealed() throws IOException {
    for (int i = 1; i < ends.size(); i++) {
      TestEnd receiver = ends.get(i);
      receiver.lane().onUdp(receiver.socket());
      takeAll(receiver, FAULTY, FAULTY + i);
      assertEquals(Map.of(), receiver.drops());
    }
  }

  private void takeAll(TestEnd end, int from, int to) {
    for (int length = end.tun().take(buffer); length > 0; length = end.tun().take(buffer)) {
      assertGenuine(buffer.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE), from, to);
    }
  }

  /** One packet or several as one, all as they were fed, and none seen before. */
  private void assertGenuine(byte[] packet, int from, int to) {
    assertEquals(0, (packet.length - HEADERS) % NumberedPackets.PAYLOAD, "length");
    byte[] addresses = {10, 0, (byte) from, 1, 10, 0, (byte) to, 1};
    int at = VnetHeader.SIZE + 12;
    assertArrayEquals(addresses, Arrays.copyOfRange(packet, at, at + 8), "addresses");
    for (int i = HEADERS; i < packet.length; i += NumberedPackets.PAYLOAD) {
      byte[] payload = Arrays.copyOfRange(packet, i, i + NumberedPackets.PAYLOAD);
      int number = ByteBuffer.wrap(payload).getInt();
      assertTrue(number >= 0 && number < next && seen.add(number), "packet " + number);
      assertArrayEquals(NumberedPackets.payload(number), payload, "payload");
    }
  }

  /** The control: the detector sees an attacker's bytes, and a packet of another node's. */
  @Test
  void anythingElseWouldBeNoticed() {
    next = 3;
    byte[] forged = new byte[HEADERS + NumberedPackets.PAYLOAD];
    Arrays.fill(forged, (byte) 0xee);
    assertThrows(AssertionFailedError.class, () -> assertGenuine(forged, 1, 2));
    byte[] genuine = NumberedPackets.superPacket(1, 2, 0, 3).toArray(ValueLayout.JAVA_BYTE);
    assertThrows(AssertionFailedError.class, () -> assertGenuine(genuine, 1, 3));
    assertGenuine(genuine, 1, 2);
    assertThrows(AssertionFailedError.class, () -> assertGenuine(genuine, 1, 2), "seen before");
    seen.clear();
    genuine[genuine.length - 1]++;
    assertThrows(AssertionFailedError.class, () -> assertGenuine(genuine, 1, 2));
  }
}
