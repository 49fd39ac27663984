// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.culvert.crypto.AeadBackends.Candidate;
import dev.culvert.crypto.AeadBackends.Meters;
import dev.culvert.crypto.AeadBackends.Selection;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The chosen AEAD backend is the fastest one that passes every check, and a backend that seals or
 * opens wrongly, or throws, is not chosen.
 */
class AeadBackendsTest {
  private static final Meters METERS =
      new Meters(
          System::nanoTime,
          ((ThreadMXBean) ManagementFactory.getThreadMXBean())::getCurrentThreadAllocatedBytes,
          Thread::onSpinWait);
  private static final AeadAlgorithm CHACHA = AeadAlgorithm.CHACHA20_POLY1305;

  /** A right backend that advances the clock by so much for each train, and may be made wrong. */
  private static class StandIn implements AeadBackend {
    private final AeadBackend real = new JavaxBackend();
    private final String name;
    private final AtomicLong clock;
    private final long nanosPerTrain;

    StandIn(String name, AtomicLong clock, long nanosPerTrain) {
      this.name = name;
      this.clock = clock;
      this.nanosPerTrain = nanosPerTrain;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public boolean supports(AeadAlgorithm algorithm) {
      return algorithm == CHACHA;
    }

    @Override
    public TrainCipher newTrainCipher(AeadAlgorithm algorithm) {
      TrainCipher cipher = real.newTrainCipher(algorithm);
      return new TrainCipher() {
        @Override
        public void seal(AeadKey key, PacketRun run) {
          // A train that is only measured need not be sealed.
          if (run.packets() != Measurement.PACKETS) {
            cipher.seal(key, run);
          }
          spoilSealed(run);
          clock.addAndGet(nanosPerTrain);
        }

        @Override
        public long open(AeadKey key, PacketRun run) {
          return spoilOpened(cipher.open(key, run));
        }

        @Override
        public void forgetKeys() {
          cipher.forgetKeys();
        }
      };
    }

    void spoilSealed(PacketRun unused) {}

    long spoilOpened(long mask) {
      return mask;
    }

    @Override
    public byte[] seal(
        AeadAlgorithm algorithm, byte[] key, byte[] nonce12, byte[] aad, byte[] plaintext) {
      return real.seal(algorithm, key, nonce12, aad, plaintext);
    }

    @Override
    public byte @Nullable [] open(
        AeadAlgorithm algorithm, byte[] key, byte[] nonce12, byte[] aad, byte[] sealed) {
      return real.open(algorithm, key, nonce12, aad, sealed);
    }
  }

  private final AtomicLong clock = new AtomicLong(Long.MAX_VALUE - 1_000);
  private final AtomicLong allocated = new AtomicLong();
  private final Meters meters = new Meters(clock::get, allocated::get, () -> {});
  private final AeadBackend slow = new StandIn("slow", clock, 920_000);
  private final AeadBackend fast = new StandIn("fast", clock, 460_000);

  @Test
  void theFastestByTheGivenClockIsChosen() {
    for (List<AeadBackend> order : List.of(List.of(slow, fast), List.of(fast, slow))) {
      Selection selection = AeadBackends.select(order, CHACHA, meters);
      assertSame(fast, selection.backend());
      assertEquals(
          List.of(new Candidate("fast", null, 10_000, 0), new Candidate("slow", null, 20_000, 0)),
          selection.candidates());
    }
  }

  @Test
  void whatAllocatesIsSaidAndChosenOnlyBecauseItIsFastest() {
    AeadBackend boxing =
        new StandIn("boxing", clock, 230_000) {
          @Override
          long spoilOpened(long mask) {
            allocated.addAndGet(46 * 96 - 1);
            return mask;
          }
        };
    Selection selection = AeadBackends.select(List.of(boxing, fast), CHACHA, meters);
    assertSame(boxing, selection.backend());
    assertEquals(new Candidate("boxing", null, 5_000, 96), selection.candidates().getFirst());
    assertEquals(
        "boxing 5000 ns per packet (allocates 96 bytes per packet)",
        selection.candidates().getFirst().toString());
  }

  @Test
  void aBackendThatSealsTrainsWronglyIsNotChosenHoweverFast() {
    AeadBackend wrong =
        new StandIn("wrong", clock, 1) {
          @Override
          void spoilSealed(PacketRun run) {
            long lastTag = run.offset() + (run.packets() - 1) * run.stride() + run.lastLength();
            byte tag = run.memory().get(ValueLayout.JAVA_BYTE, lastTag);
            run.memory().set(ValueLayout.JAVA_BYTE, lastTag, (byte) (tag ^ 1));
          }
        };
    assertRefused(wrong, "a train is not sealed like its packets one by one");
  }

  @Test
  void aBackendThatOpensAForgedPacketIsNotChosen() {
    AeadBackend credulous =
        new StandIn("credulous", clock, 1) {
          @Override
          long spoilOpened(long mask) {
            return mask | 1 << 7;
          }
        };
    assertRefused(credulous, "opening a train did not refuse exactly the forged packet");
  }

  @Test
  void aBackendThatForgetsToCheckOneShotTagsIsNotChosen() {
    AeadBackend credulous =
        new StandIn("credulous", clock, 1) {
          @Override
          public byte @Nullable [] open(
              AeadAlgorithm algorithm, byte[] key, byte[] nonce, byte[] aad, byte[] sealed) {
            byte[] opened = super.open(algorithm, key, nonce, aad, sealed);
            return opened == null ? new byte[0] : opened;
          }
        };
    assertRefused(credulous, "wrong answer to a published vector");
  }

  @Test
  void aBackendThatThrowsIsNotChosen() {
    AeadBackend broken =
        new StandIn("broken", clock, 1) {
          @Override
          public TrainCipher newTrainCipher(AeadAlgorithm algorithm) {
            throw new NoClassDefFoundError("a vector class");
          }
        };
    assertRefused(broken, "failed with java.lang.NoClassDefFoundError: a vector class");
  }

  private void assertRefused(AeadBackend refused, String why) {
    Selection selection = AeadBackends.select(List.of(refused, slow), CHACHA, meters);
    assertSame(slow, selection.backend());
    assertEquals(Candidate.refused(refused.name(), why), selection.candidates().getLast());
    assertFalse(selection.candidates().getLast().passed());
    var thrown =
        assertThrows(
            IllegalStateException.class,
            () -> AeadBackends.select(List.of(refused), CHACHA, meters));
    assertTrue(String.valueOf(thrown.getMessage()).contains(why));
  }

  @Test
  void aBackendWithoutTheAlgorithmIsNoCandidate() {
    AeadBackend javax = new JavaxBackend();
    Selection selection = AeadBackends.select(List.of(fast, javax), AeadAlgorithm.AES_GCM, METERS);
    assertSame(javax, selection.backend());
    assertEquals(1, selection.candidates().size());
  }

  @Test
  void aClockThatStandsStillEndsTheMeasurement() {
    AeadBackend frozen = new StandIn("frozen", clock, 0);
    assertNotNull(AeadBackends.select(List.of(frozen), CHACHA, meters));
  }

  @ParameterizedTest
  @EnumSource
  void everyBackendPassesOnThisMachineAndTheChoiceIsKept(AeadAlgorithm algorithm) {
    Selection selection = AeadBackends.compare(algorithm, METERS);
    for (Candidate candidate : selection.candidates()) {
      System.out.println(algorithm + " " + candidate);
      if (!candidate.passed()) {
        assertEquals("vector", candidate.name(), "all others run on every processor");
        assertTrue(("" + candidate.failure()).contains("no vectors of 512 bits"));
      }
    }
    long supporting = AeadBackends.all().stream().filter(b -> b.supports(algorithm)).count();
    assertEquals(supporting, selection.candidates().stream().filter(Candidate::passed).count());
    Selection kept = AeadBackends.select(algorithm, METERS);
    assertTrue(AeadBackends.all().contains(kept.backend()));
    assertSame(kept, AeadBackends.select(algorithm, METERS));
    assertSame(kept.backend(), AeadBackends.first(algorithm));
  }
}
