// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.train.Fragmentation;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Trains of raw ESP are sent and received packet by packet, and each packet reaches one lane,
 * chosen by its source.
 */
@Tag("integration")
class EspPortTest extends SocketTest {
  private static final int PORT = 4500;

  EspPortTest() {
    super(64);
  }

  private EspPort open(IpFamily family, int lane, int lanes) throws Exception {
    EspPort port =
        namespace.call(() -> EspPort.open(family, lane, lanes, PORT, UdpOptions.DEFAULT));
    open.add(port);
    return port;
  }

  private static Endpoint loopback(IpFamily family) {
    return loopback(family, PORT);
  }

  private int send(EspPort from, int bytes, int stride, Endpoint to, int tos) {
    SendBatch batch = new SendBatch(from.family(), 4, arena);
    batch.add(memory, 0, bytes, stride, to, tos, Fragmentation.FORBIDDEN);
    return from.send(batch, NO_REFUSAL, true);
  }

  /** Loopback delivers a packet before the sending call returns. */
  private int receive(EspPort port) throws Exception {
    return port.receive(received);
  }

  @ParameterizedTest
  @EnumSource
  void aTrainArrivesPacketByPacketWithoutOuterHeaders(IpFamily family) throws Exception {
    EspPort port = open(family, 0, 1);
    assertEquals(41, send(port, 40 * 1400 + 332, 1400, loopback(family), 2));
    assertEquals(41, receive(port));
    for (int i = 0; i < 41; i++) {
      int length = i < 40 ? 1400 : 332;
      assertEquals(length, received.length(i));
      assertEquals(length, received.segmentSize(i));
      assertEquals(2, received.ecn(i));
      long at = received.offset(i);
      assertEquals(
          -1,
          MemorySegment.mismatch(
              memory, i * 1400L, i * 1400L + length, received.memory(), at, at + length));
    }
  }

  @ParameterizedTest
  @EnumSource
  void theSenderIsNamedWithThePortOfTheKeyingAndTheAddressItReached(IpFamily family)
      throws Exception {
    EspPort port = open(family, 0, 1);
    assertEquals(0, port.sendOne(memory, 0, 100, loopback(family), 0));
    assertEquals(1, receive(port));
    assertTrue(received.usable(0));
    Endpoint from = received.source(0).endpoint();
    assertEquals(loopback(family), from.withoutSource());
    assertEquals(from.address(), from.source());
    assertEquals(1, from.sourceInterface());
  }

  @Test
  void whatWasReceivedCanBeAnsweredFromTheAddressThatItReached() throws Exception {
    EspPort port = open(IpFamily.V4, 0, 1);
    port.sendOne(memory, 0, 100, Endpoint.of(IpAddress.parse("127.0.0.9"), PORT), 0);
    assertEquals(1, receive(port));
    Endpoint from = received.source(0).endpoint();
    assertEquals(IpAddress.parse("127.0.0.9"), from.source());
    assertEquals(1, send(port, 100, 100, from, 0));
    assertEquals(1, receive(port));
    assertEquals(IpAddress.parse("127.0.0.9"), received.source(0).endpoint().address());
  }

  @ParameterizedTest
  @EnumSource
  void everyPacketReachesOneLaneAndTheSameForOneSource(IpFamily family) throws Exception {
    List<EspPort> lanes = new ArrayList<>();
    for (int lane = 0; lane < 3; lane++) {
      lanes.add(open(family, lane, 3));
    }
    assertEquals(10, send(lanes.getFirst(), 10 * 200, 200, loopback(family), 0));
    List<Integer> counts = new ArrayList<>();
    for (EspPort lane : lanes) {
      counts.add(receive(lane));
    }
    // 127.0.0.1 is 0x7f000001, whose remainder by 3 is 2; that of 1 is 1.
    assertEquals(family == IpFamily.V4 ? List.of(0, 0, 10) : List.of(0, 10, 0), counts);
  }
}
