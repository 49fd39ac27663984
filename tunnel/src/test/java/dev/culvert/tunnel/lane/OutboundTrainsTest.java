// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.train.Fragmentation;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Packets of one peer keep their order over trains, and packets of one train share peer, TOS and
 * fragment bit.
 */
class OutboundTrainsTest {
  private static final int SEALED = 1452;
  private static final int HEADROOM = 16;

  private final OutboundTrains trains =
      new OutboundTrains(Arena.ofAuto().allocate(OutboundTrains.BYTES), HEADROOM);
  private final TunnelPeer alice = new StandIn();
  private final TunnelPeer bob = new StandIn();

  private static final class StandIn implements TunnelPeer {
    @Override
    public @Nullable Endpoint endpoint() {
      return null;
    }

    @Override
    public void forgetSource() {}

    @Override
    public @Nullable Endpoint heardSource() {
      return null;
    }

    @Override
    public void sourceFits(Endpoint heard, boolean fits) {}

    @Override
    public void forgetSource(Endpoint refused) {
      throw new AssertionError("nothing was sent");
    }
  }

  private Train put(TunnelPeer peer, int sealedLength, int ecn) {
    Train train = trains.trainFor(peer, sealedLength, ecn, Fragmentation.BY_KERNEL);
    assertNotNull(train);
    train.add(sealedLength - 32, sealedLength);
    return train;
  }

  @Test
  void packetsOfOnePeerShareATrainWhateverComesBetween() {
    Train first = put(alice, SEALED, 0);
    put(bob, SEALED, 0);
    assertSame(first, put(alice, SEALED, 0));
    assertEquals(2, first.packets());
    assertEquals(2, trains.count());
  }

  @Test
  void aPacketNeverOvertakesAnEarlierOneOfItsPeer() {
    Train full = put(alice, SEALED, 0);
    put(alice, 100, 0);
    Train behindTheShortOne = put(alice, SEALED, 0);
    assertNotSame(full, behindTheShortOne);
    assertSame(behindTheShortOne, put(alice, SEALED, 0), "only the newest train takes packets");
  }

  @Test
  void anOlderTrainWithRoomIsNotGoneBackTo() {
    Train older = put(alice, SEALED, 0);
    put(alice, SEALED, 2);
    assertNotSame(older, put(alice, SEALED, 0));
  }

  @Test
  void packetsWithOtherCongestionBitsTravelApart() {
    assertNotSame(put(alice, SEALED, 0), put(alice, SEALED, 2));
  }

  @Test
  void whereAllTrainsAreInUseTheyHaveToBeSentFirst() {
    for (int i = 0; i < OutboundTrains.COUNT; i++) {
      put(alice, SEALED + i, 0);
    }
    assertNull(trains.trainFor(bob, SEALED, 0, Fragmentation.BY_KERNEL));
    trains.clear();
    assertNotNull(trains.trainFor(bob, SEALED, 0, Fragmentation.BY_KERNEL));
    assertSame(bob, trains.peer(0));
    assertEquals(1, trains.count());
  }

  @Test
  void aPeersPacketsAreTakenOutWhenOneOfThemWasNotWrittenToItsEnd() {
    Train full = put(alice, SEALED, 0);
    put(alice, 100, 0);
    Train cut = put(alice, SEALED, 0);
    Train other = put(bob, SEALED, 0);
    trains.added(4);
    assertEquals(3, trains.discard(alice));
    assertEquals(0, full.packets() + cut.packets());
    assertEquals(1, other.packets());
    assertEquals(1, trains.packets());
    assertSame(cut, put(alice, SEALED, 0), "its later packets go on");
  }

  @Test
  void trainsDoNotOverlapHoweverFullTheyAre() {
    long end = 0;
    for (int i = 0; i < OutboundTrains.COUNT; i++) {
      Train train = put(i % 2 == 0 ? alice : bob, Train.MAX_BYTES, i % 2);
      assertEquals(0, train.slot(0) % 64, "on a cache line");
      assertEquals(true, train.slot(0) >= end);
      end = train.slot(0) + train.sealedBytes();
    }
    assertEquals(true, end <= OutboundTrains.BYTES);
  }

  @Test
  void packetsOfOneTrainShareTosAndFragmentBit() {
    Train first = trains.trainFor(bob, SEALED, 0xb8, Fragmentation.FORBIDDEN);
    assertNotNull(first);
    assertEquals(0xb8, first.tos());
    assertEquals(first, trains.trainFor(bob, SEALED, 0xb8, Fragmentation.FORBIDDEN));
    assertNotEquals(first, trains.trainFor(bob, SEALED, 0xb9, Fragmentation.FORBIDDEN));
    assertNotEquals(first, trains.trainFor(bob, SEALED, 0xb8, Fragmentation.ALLOWED));
  }
}
