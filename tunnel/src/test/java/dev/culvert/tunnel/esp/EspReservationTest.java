// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.testing.Station;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A lane takes the sequence numbers, another thread enciphers. */
final class EspReservationTest {
  private final EspStation alice = new EspStation("alice", 1);
  private final EspStation bob = new EspStation("bob", 2);

  @BeforeEach
  void introduce() {
    alice.knows(bob);
    bob.knows(alice);
  }

  /** A train of alice's that has its numbers. */
  private Train reserve(int packets) {
    Train train = alice.train;
    train.startAt(alice.buffer, 0, EspFraming.HEADER);
    for (int i = 0; i < packets; i++) {
      byte[] packet = Station.packet(alice.inner, bob.inner, i);
      int sealedLength = alice.engine.overhead().sealedLength(packet.length, alice.mtu());
      long at = train.add(packet.length, sealedLength);
      MemorySegment.copy(packet, 0, alice.buffer, ValueLayout.JAVA_BYTE, at, packet.length);
    }
    assertEquals(SealResult.SEALED, alice.path.reserve(alice.peer(bob), train, 0));
    return train;
  }

  private byte[] wire(Train train) {
    return alice.buffer.asSlice(train.slot(0), train.sealedBytes()).toArray(ValueLayout.JAVA_BYTE);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void reservedTrainsArriveInWhateverOrderAndByWhomeverTheyAreEnciphered(boolean esn) {
    // With ESN the upper half of the numbers changes between the packets of one train.
    EspStation.join(alice, bob, esn, 1, esn ? 0x0000_0007_ffff_fffeL : 1);
    Train train = reserve(4);
    DataPath helper = alice.engine.newDataPath();
    helper.encipher(train);
    byte[] wire = wire(train);
    byte[][] datagrams = new byte[4][];
    for (int i = 0; i < datagrams.length; i++) {
      int at = i * train.stride();
      datagrams[i] = Arrays.copyOfRange(wire, at, at + train.sealedLength(i));
    }
    bob.receive(alice.address, 0, datagrams);
    assertEquals(IntStream.range(0, 4).boxed().toList(), bob.deliveredNumbers());
  }

  @Test
  void noSecondCallCanEncipherUnderTheSameNumbers() {
    EspStation.join(alice, bob, true, 1, 1);
    Train train = reserve(3);
    DataPath helper = alice.engine.newDataPath();
    helper.encipher(train);
    byte[] wire = wire(train);
    assertThrows(IllegalStateException.class, () -> helper.encipher(train));
    assertThrows(IllegalStateException.class, () -> alice.path.encipher(train));
    assertArrayEquals(wire, wire(train));
  }

  @Test
  void reservedTrainIsEncipheredUnderItsSaThoughThatIsReplacedMeanwhile() {
    EspStation.join(alice, bob, true, 1, 1);
    Train train = reserve(1);
    alice.sendUnder(bob, alice.sa(bob, EspStation.SPI + 1, 3, true, 1));
    alice.engine.newDataPath().encipher(train);
    bob.receive(alice.address, 0, wire(train));
    assertEquals(List.of(0), bob.deliveredNumbers());
  }
}
