// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.wireguard;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.PacketRun;
import dev.culvert.crypto.TrainCipher;
import dev.culvert.tunnel.noise.Messages;
import dev.culvert.tunnel.testing.BackendWithCipher;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;

/** Every (key, counter) that was ever sealed under, by whatever engine. */
final class NonceLog {
  private final Map<String, Set<Long>> counters = new HashMap<>();
  long repeated;

  /** A backend that works, and is written down. */
  AeadBackend backend() {
    return new BackendWithCipher(
        () -> new Logging(Node.backend().newTrainCipher(AeadAlgorithm.CHACHA20_POLY1305)));
  }

  int keys() {
    return counters.size();
  }

  long packets() {
    return counters.values().stream().mapToLong(Set::size).sum();
  }

  private final class Logging implements TrainCipher {
    private final TrainCipher real;

    Logging(TrainCipher real) {
      this.real = real;
    }

    @Override
    public void seal(AeadKey key, PacketRun run) {
      byte[] secret = new byte[Messages.KEY_LENGTH];
      key.copyTo(secret);
      Set<Long> used =
          counters.computeIfAbsent(HexFormat.of().formatHex(secret), k -> new HashSet<>());
      for (int i = 0; i < run.packets(); i++) {
        if (!used.add(run.firstCounter() + i)) {
          repeated++;
        }
      }
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
}
