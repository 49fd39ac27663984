// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.noise;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.HandshakeOutcome;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** The parts of the handshakes' state that another process continues. */
final class SavedHandshakesTest {
  private static byte[] written(Consumer<StateWriter> write) {
    try (StateWriter out = new StateWriter()) {
      write.accept(out);
      return out.written().toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private static StateReader reader(Consumer<StateWriter> write) {
    return new StateReader(MemorySegment.ofArray(written(write)));
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

  @Test
  void theRandomPartOfWaitsIsKept() throws StateException {
    PeerTimers timers = new PeerTimers(new Deadlines());
    timers.jitter(5);
    PeerTimers other = new PeerTimers(new Deadlines());
    other.restore(reader(out -> timers.save(out, 0)), 0);
    other.dataSent(0);
    long due = Messages.KEEPALIVE_TIMEOUT + Messages.REKEY_TIMEOUT + 5;
    assertFalse(other.expire(Timer.NEW_HANDSHAKE, due - 1));
    assertTrue(other.expire(Timer.NEW_HANDSHAKE, due));
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

  private static Handshakes handshakes() {
    SecureRandom random = new SecureRandom();
    return new Handshakes(
        () -> null,
        new IndexTable(random),
        key -> null,
        AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305),
        random,
        null,
        (message, to) -> {},
        new DropCounters(),
        new Timestamps());
  }

  @Test
  void aStateThatIsCutLeavesAllOfTheHandshakesAsTheyWere() throws StateException {
    IpAddress source = IpAddress.parse("203.0.113.1");
    Handshakes former = handshakes();
    former.outcomes().count(HandshakeOutcome.ANSWERED, 5);
    while (former.rateLimiter().allow(source, 0)) {
      // Spends the burst.
    }
    Handshakes other = handshakes();
    SavedHandshakes saved = new SavedHandshakes(other);
    byte[] state = written(out -> new SavedHandshakes(former).save(out, 0));
    for (int length = 0; length < state.length; length++) {
      StateReader cut = new StateReader(MemorySegment.ofArray(state).asSlice(0, length));
      assertThrows(StateException.class, () -> saved.restore(cut, 0));
      assertEquals(0, other.outcomes().of(HandshakeOutcome.ANSWERED));
    }
    saved.restore(new StateReader(MemorySegment.ofArray(state)), 0);
    assertEquals(5, other.outcomes().of(HandshakeOutcome.ANSWERED));
    assertFalse(other.rateLimiter().allow(source, 0));
  }

  @Test
  void aBucketWithMoreThanTheBurstIsRefused() {
    StateReader in =
        reader(
            out -> out.int32(1).address(IpAddress.parse("203.0.113.1")).int64(1L << 40).time(0, 0));
    assertThrows(StateException.class, () -> RateLimiter.read(in, 0));
  }
}
