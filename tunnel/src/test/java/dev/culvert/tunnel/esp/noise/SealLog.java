// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.noise;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.PacketRun;
import dev.culvert.crypto.TrainCipher;
import dev.culvert.tunnel.testing.BackendWithCipher;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;

/** Every (key, salt, IV) that was ever sealed under, whoever did it and however often it died. */
public final class SealLog {
  private static final int AES_128 = 16;
  private static final int AES_256 = 32;

  final Map<String, Set<Long>> ivs = new HashMap<>();
  public long repeated;

  /** A backend that works, and is written down. */
  public AeadBackend over(AeadBackend real) {
    return new BackendWithCipher(() -> new Logging(real.newTrainCipher(AeadAlgorithm.AES_GCM)));
  }

  /** The number of packets. */
  public long packets() {
    return ivs.values().stream().mapToLong(Set::size).sum();
  }

  private final class Logging implements TrainCipher {
    private final TrainCipher real;

    Logging(TrainCipher real) {
      this.real = real;
    }

    @Override
    public void seal(AeadKey key, PacketRun run) {
      byte[] secret = secret(key);
      String name = HexFormat.of().formatHex(secret) + key.noncePrefix();
      Set<Long> used = ivs.computeIfAbsent(name, n -> new HashSet<>());
      for (int i = 0; i < run.packets(); i++) {
        if (!used.add(run.firstCounter() + i)) {
          repeated++;
        }
      }
      real.seal(key, run);
    }

    private static byte[] secret(AeadKey key) {
      byte[] secret = new byte[AES_256];
      try {
        key.copyTo(secret);
      } catch (IllegalArgumentException e) {
        secret = new byte[AES_128];
        key.copyTo(secret);
      }
      return secret;
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
