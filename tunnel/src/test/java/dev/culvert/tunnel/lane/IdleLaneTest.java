// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.PacketRun;
import dev.culvert.crypto.TrainCipher;
import dev.culvert.tunnel.testing.BackendWithCipher;
import java.io.IOException;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Copies of keys in a lane's ciphers do not outlive the traffic for long. */
final class IdleLaneTest {
  private int forgotten;

  /** Counts how often the keys were forgotten. */
  private final class Counting implements TrainCipher {
    private final TrainCipher real =
        AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305)
            .newTrainCipher(AeadAlgorithm.CHACHA20_POLY1305);

    @Override
    public void seal(AeadKey key, PacketRun run) {
      real.seal(key, run);
    }

    @Override
    public long open(AeadKey key, PacketRun run) {
      return real.open(key, run);
    }

    @Override
    public void forgetKeys() {
      forgotten++;
      real.forgetKeys();
    }
  }

  private static void rest(LaneEnd end, int times) {
    for (int i = 0; i < times; i++) {
      end.lane.rest();
    }
  }

  @Test
  void aLaneThatFallsIdleForgetsItsKeysOnceAndGoesOnWhenPacketsCome() throws IOException {
    AeadBackend usual = AeadBackends.first(AeadAlgorithm.CHACHA20_POLY1305);
    try (LaneEnd busy =
            new LaneEnd(
                1, false, 0, new BackendWithCipher(Counting::new), UnaryOperator.identity());
        LaneEnd other = new LaneEnd(2, false, 0, usual, UnaryOperator.identity())) {
      busy.connect(other);
      for (int round = 1; round <= 2; round++) {
        busy.feed(NumberedPackets.superPacket(1, 2, round, 1));
        busy.lane.onTun();
        rest(busy, 1);
        assertEquals(round - 1, forgotten, "it may have worked a moment ago");
        rest(busy, 3);
        assertEquals(round, forgotten);
      }
      busy.feed(NumberedPackets.superPacket(1, 2, 3, 1));
      busy.lane.onTun();
      assertEquals(Map.of(), busy.drops());
    }
  }
}
