// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.ReplayWindow;
import dev.culvert.crypto.SecretBytes;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The parts of a saved state are read as they were written, and refused if they cannot be. */
final class SavedPartsTest {
  private static final long LIMIT = -1L - (1 << 13);

  private static byte[] written(Consumer<StateWriter> write) {
    try (StateWriter out = new StateWriter()) {
      write.accept(out);
      return out.written().toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private static StateReader reader(Consumer<StateWriter> write) {
    return new StateReader(MemorySegment.ofArray(written(write)));
  }

  // 1. Replay windows

  @ParameterizedTest
  @ValueSource(longs = {0, 5, 70, 8192, 1L << 40, Long.MAX_VALUE - 4000, LIMIT - 20_000})
  void aReplayWindowRemembersTheSameCounters(long base) throws StateException {
    Random random = new Random(base);
    for (int percent : new int[] {0, 1, 50, 99, 100}) {
      ReplayWindow window = new ReplayWindow(LIMIT);
      for (int i = 0; i < 12_000; i++) {
        if (random.nextInt(100) < percent) {
          window.accept(base + i);
        }
      }
      ReplayWindow read = new ReplayWindow(LIMIT);
      SavedWindow.restore(read, reader(out -> SavedWindow.save(window, out)));
      assertEquals(window.newest(), read.newest());
      assertArrayEquals(window.words(), read.words());
      for (int i = 0; i < 14_000; i++) {
        assertEquals(window.isFresh(base + i), read.isFresh(base + i), "counter " + i);
      }
    }
  }

  @Test
  void aFullReplayWindowTakesFewBytesAsAnEmptyOneDoes() {
    ReplayWindow window = new ReplayWindow(LIMIT);
    assertEquals(40, written(out -> SavedWindow.save(window, out)).length);
    for (int i = 0; i < 20_000; i++) {
      window.accept(i);
    }
    int full = written(out -> SavedWindow.save(window, out)).length;
    assertTrue(full <= 48, full + " bytes");
  }

  @Test
  void aReplayWindowPastItsLimitIsRefused() {
    ReplayWindow window = new ReplayWindow(LIMIT);
    window.accept(1000);
    StateReader in = reader(out -> SavedWindow.save(window, out));
    assertThrows(StateException.class, () -> SavedWindow.restore(new ReplayWindow(1000), in));
  }

  // 2. Send counters

  @ParameterizedTest
  @CsvSource({
    "0, 100, 1000, 100",
    "900, 100, 1000, 1000",
    "901, 100, 1000, 1000",
    "1000, 100, 1000, 1000",
    "5000, 100, 1000, 1000",
    "9223372036854775800, 100, -8193, -9223372036854775716",
    "-8200, 100, -8193, -8193",
    "-1, 100, -8193, -8193",
  })
  void aJumpNeverPassesTheLimit(long counter, long packets, long limit, long after) {
    assertEquals(after, SafetyJump.ahead(counter, packets, limit));
  }

  // 3. Counters by name

  /** As {@link HandshakeOutcome} in a version that has other outcomes in another order. */
  private enum OtherOutcome {
    ABANDONED,
    NEVER_HEARD_OF,
    INITIATED
  }

  @Test
  void countersAreReadByNameAndUnknownOnesAreLeftOut() throws StateException {
    Counters<OtherOutcome> other = new Counters<>(OtherOutcome.class);
    other.count(OtherOutcome.ABANDONED, 3);
    other.count(OtherOutcome.NEVER_HEARD_OF, 4);
    other.add(Map.of(OtherOutcome.INITIATED, 1L << 40));
    StateReader in = reader(other::save);
    Counters<HandshakeOutcome> counters = new Counters<>(HandshakeOutcome.class);
    counters.count(HandshakeOutcome.ABANDONED);
    counters.add(counters.read(in));
    in.end();
    assertEquals(
        Map.of(HandshakeOutcome.ABANDONED, 4L, HandshakeOutcome.INITIATED, 1L << 40),
        counters.snapshot());
  }

  // 4. Moments and secrets

  @ParameterizedTest
  @ValueSource(longs = {-5, 0, 7, Long.MIN_VALUE + 1_000_000, Long.MAX_VALUE - 1_000_000})
  void aMomentMovesWithTheMomentOfSaving(long now) throws StateException {
    assertEquals(999, reader(out -> out.time(now - 1, now)).time(1000));
    assertEquals(1001, reader(out -> out.time(now + 1, now)).time(1000));
  }

  @Test
  void neverAndAnyTimeStayThemselves() throws StateException {
    assertEquals(Long.MAX_VALUE, reader(out -> out.time(Long.MAX_VALUE, 77)).time(1000));
    assertEquals(Long.MIN_VALUE, reader(out -> out.time(Long.MIN_VALUE, 77)).time(1000));
  }

  @ParameterizedTest
  @ValueSource(longs = {1L << 62, -(1L << 62), Long.MIN_VALUE + 1, Long.MAX_VALUE - 1})
  void aMomentThatIsYearsAwayIsRefused(long distance) {
    StateReader in = reader(out -> out.int64(distance));
    assertThrows(StateException.class, () -> in.time(1000));
  }

  @Test
  void anInstantIsReadAndAnImpossibleOneRefused() throws StateException {
    Instant instant = Instant.parse("2024-02-29T23:59:59.999999999Z");
    assertEquals(instant, reader(out -> out.instant(instant)).instant());
    StateReader in = reader(out -> out.int64(Long.MAX_VALUE).int32(5));
    assertThrows(StateException.class, in::instant);
  }

  @Test
  void aSecretOfAnotherLengthIsRefused() throws StateException {
    try (SecretBytes secret = SecretBytes.copyOf(new byte[] {1, 2, 3})) {
      assertEquals(secret, reader(out -> out.secret(secret)).secret(3));
      for (int length : new int[] {0, 2, 4}) {
        StateReader in = reader(out -> out.secret(secret));
        assertThrows(StateException.class, () -> in.secret(length));
      }
    }
  }

  /** A value of every type is once the first that does not fit into the memory. */
  @Test
  void aStateGrowsAtAnyValue() throws StateException {
    for (int before = (1 << 16) - 24; before <= 1 << 16; before++) {
      int filled = before;
      StateReader in =
          reader(
              out -> {
                for (int i = 0; i < filled; i++) {
                  out.flag(true);
                }
                out.int64(1L << 60).flag(true).int32(1 << 30).bytes(new byte[] {7, 8, 9});
              });
      for (int i = 0; i < filled; i++) {
        assertTrue(in.flag());
      }
      assertEquals(1L << 60, in.int64());
      assertTrue(in.flag());
      assertEquals(1 << 30, in.int32());
      assertArrayEquals(new byte[] {7, 8, 9}, in.bytes(3));
      in.end();
    }
  }

  // 5. Greetings

  @Test
  void greetingsSayWhoStillWaits() {
    Greetings<String> greetings = new Greetings<>(new Random(1));
    greetings.add("a");
    assertEquals(List.of("a"), List.copyOf(greetings.waiting()));
    greetings.advance(0, 5000, 10, peer -> {});
    assertEquals(List.of("a"), List.copyOf(greetings.waiting()));
    greetings.advance(greetings.nextNanos(), 5000, 10, peer -> {});
    assertFalse(greetings.waiting().contains("a"));
  }
}
