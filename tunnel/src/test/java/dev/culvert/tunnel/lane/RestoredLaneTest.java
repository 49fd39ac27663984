// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.PacketRun;
import dev.culvert.crypto.TrainCipher;
import dev.culvert.tunnel.engine.DropReason;
import dev.culvert.tunnel.gateway.RestoreWatch;
import dev.culvert.tunnel.gateway.WatchedPath;
import dev.culvert.tunnel.testing.BackendWithCipher;
import java.io.IOException;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** A lane of a machine that was restored from a snapshot seals nothing under the keys it finds. */
final class RestoredLaneTest {
  private int sealed;
  private long wallMillis = TimeUnit.NANOSECONDS.toMillis(LaneEnd.NOW);

  /** Counts packets. */
  private final class Counting implements TrainCipher {
    private final TrainCipher real =
        AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305)
            .newTrainCipher(AeadAlgorithm.CHACHA20_POLY1305);

    @Override
    public void seal(AeadKey key, PacketRun run) {
      sealed += run.packets();
      real.seal(key, run);
    }

    @Override
    public long open(AeadKey key, PacketRun run) {
      return real.open(key, run);
    }

    @Override
    public void forgetKeys() {
      real.forgetKeys();
    }
  }

  @Test
  void afterTheClockWasSetNoPacketOfTheNextBatchIsSealed() throws IOException {
    AtomicReference<LaneEnd> self = new AtomicReference<>();
    RestoreWatch watch =
        new RestoreWatch(
            () -> LaneEnd.NOW,
            () -> wallMillis,
            reason -> Objects.requireNonNull(self.get()).engine.distrustKeys(reason));
    AeadBackend usual = AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305);
    try (LaneEnd restored =
            new LaneEnd(
                1,
                false,
                0,
                new BackendWithCipher(Counting::new),
                path -> new WatchedPath(path, watch));
        LaneEnd other = new LaneEnd(2, false, 0, usual, UnaryOperator.identity())) {
      self.set(restored);
      restored.connect(other);
      sealed = 0;
      restored.feed(NumberedPackets.superPacket(1, 2, 1, 3));
      restored.lane.onTun();
      assertEquals(3, sealed, "the lane works, and the test can see it");
      // A later batch is known by its time.
      restored.now++;
      wallMillis += 60_000;
      restored.feed(NumberedPackets.superPacket(1, 2, 2, 3));
      restored.feed(NumberedPackets.superPacket(1, 2, 3, 3));
      restored.lane.onTun();
      assertEquals(3, sealed, "no counter of before is used again");
      assertTrue(
          restored.engine.nextDeadlineNanos() == Long.MIN_VALUE, "new keys are asked for at once");
    }
  }

  @Test
  void ifTheLookThrowsNoTrainOfTheBatchIsSealed() throws IOException {
    RestoreWatch watch =
        new RestoreWatch(
            () -> LaneEnd.NOW,
            () -> wallMillis,
            reason -> {
              throw new IllegalStateException("meant by the test");
            });
    AeadBackend usual = AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305);
    try (LaneEnd restored =
            new LaneEnd(
                1,
                false,
                0,
                new BackendWithCipher(Counting::new),
                path -> new WatchedPath(path, watch));
        LaneEnd other = new LaneEnd(2, false, 0, usual, UnaryOperator.identity())) {
      restored.connect(other);
      sealed = 0;
      restored.now++;
      wallMillis += 60_000;
      restored.feed(NumberedPackets.superPacket(1, 2, 1, 64));
      restored.feed(NumberedPackets.superPacket(1, 2, 65, 64));
      restored.lane.onTun();
      assertEquals(0, sealed, "the batch has two trains, and the first threw");
      assertEquals(Map.of(DropReason.INTERNAL_ERROR, 128L), restored.drops());
    }
  }
}
