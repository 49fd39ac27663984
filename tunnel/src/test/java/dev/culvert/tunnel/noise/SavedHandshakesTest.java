// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** The parts of the handshakes' state that another process continues. */
final class SavedHandshakesTest {
  private static StateReader reader(Consumer<StateWriter> write) {
    try (StateWriter out = new StateWriter()) {
      write.accept(out);
      return new StateReader(MemorySegment.ofArray(out.written().toArray(ValueLayout.JAVA_BYTE)));
    }
  }

  // 1. Indices

  /** An entry of the table, of no peer. */
  private record Entry(int localIndex) implements Indexed {
    @Override
    public HandshakePeer handshakePeer() {
      throw new AssertionError();
    }
  }

  private static IndexTable restored(IndexTable from, int first) throws StateException {
    IndexTable table = new IndexTable(new Random(2), first);
    table.restore(reader(from::save));
    return table;
  }

  @Test
  void allIndicesFindTheirSlotsAgainThoughMostWereRemoved() throws StateException {
    IndexTable table = new IndexTable(new Random(1));
    List<Entry> entries = new ArrayList<>();
    for (int i = 0; i < 3000; i++) {
      Entry entry = new Entry(table.freeIndex());
      table.put(entry);
      entries.add(entry);
    }
    List<Entry> left = entries.subList(2900, 3000);
    IndexTable other = restored(table, 0);
    for (Entry entry : left) {
      other.restore(entry);
    }
    for (Entry entry : left) {
      assertSame(entry, other.find(entry.localIndex()));
    }
    // It goes on to grow, too.
    for (int i = 0; i < 3000; i++) {
      other.put(new Entry(other.freeIndex()));
    }
    for (Entry entry : left) {
      assertSame(entry, other.find(entry.localIndex()));
    }
  }

  @Test
  void anIndexThatIsTakenOrTooLowIsRefused() throws StateException {
    IndexTable table = restored(new IndexTable(new Random(1)), 256);
    table.restore(new Entry(1000));
    assertThrows(StateException.class, () -> table.restore(new Entry(1000)));
    assertThrows(StateException.class, () -> table.restore(new Entry(1000 + 64)));
    assertThrows(StateException.class, () -> table.restore(new Entry(255)));
    table.restore(new Entry(-1));
    assertEquals(-1, table.find(-1) instanceof Entry entry ? entry.localIndex() : 0);
  }

  @Test
  void aTableOfAnImpossibleSizeIsRefused() {
    for (int size : new int[] {0, 1, 63, 100, Integer.MIN_VALUE, 1 << 30}) {
      IndexTable table = new IndexTable(new Random(1));
      StateReader in = reader(out -> out.int32(size));
      assertThrows(StateException.class, () -> table.restore(in), "size " + size);
    }
  }

  // 2. Timers

  @Test
  void aTimerThatThisVersionDoesNotKnowIsLeftOut() throws StateException {
    PeerTimers timers = new PeerTimers(new Deadlines());
    StateReader in =
        reader(
            out -> {
              out.int32(2).text("OF_A_LATER_VERSION").time(5, 0).text("ZERO_KEYS").time(7, 0);
              out.flag(false).int64(0).int64(0);
            });
    timers.restore(in, 100);
    in.end();
    assertTrue(timers.isArmed(Timer.ZERO_KEYS));
    assertFalse(timers.expire(Timer.ZERO_KEYS, 106));
    assertTrue(timers.expire(Timer.ZERO_KEYS, 107));
    for (Timer timer : Timer.values()) {
      assertFalse(timers.isArmed(timer));
    }
  }

  // 3. Rate limits

  @Test
  void aSourceWithoutTokensGetsNoneByTheHandOver() throws StateException {
    IpAddress source = IpAddress.parse("203.0.113.1");
    RateLimiter limiter = new RateLimiter();
    while (limiter.allow(source, 0)) {
      // Spends the burst.
    }
    RateLimiter other = new RateLimiter();
    other.adopt(RateLimiter.read(reader(out -> limiter.save(out, 10_000)), 1_000_000));
    assertFalse(other.allow(source, 1_000_000));
    assertFalse(other.allow(source, 1_000_000 + 49_000_000));
    assertTrue(other.allow(source, 1_000_000 + 50_000_000));
    assertTrue(other.allow(IpAddress.parse("203.0.113.2"), 1_000_000));
  }

  @Test
  void aBucketWithMoreThanTheBurstIsRefused() {
    StateReader in =
        reader(
            out -> out.int32(1).address(IpAddress.parse("203.0.113.1")).int64(1L << 40).time(0, 0));
    assertThrows(StateException.class, () -> RateLimiter.read(in, 0));
  }
}
