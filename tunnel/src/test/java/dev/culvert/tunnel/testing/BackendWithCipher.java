// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.testing;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.TrainCipher;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A backend that handshakes as usual and moves packets with a cipher of the test's own. */
public record BackendWithCipher(Supplier<TrainCipher> ciphers) implements AeadBackend {
  private static final AeadBackend REAL = AeadBackends.all().getFirst();

  @Override
  public String name() {
    return "test";
  }

  @Override
  public boolean supports(AeadAlgorithm algorithm) {
    return REAL.supports(algorithm);
  }

  @Override
  public TrainCipher newTrainCipher(AeadAlgorithm algorithm) {
    return ciphers.get();
  }

  @Override
  public byte[] seal(
      AeadAlgorithm algorithm, byte[] key, byte[] nonce12, byte[] aad, byte[] plaintext) {
    return REAL.seal(algorithm, key, nonce12, aad, plaintext);
  }

  @Override
  public byte @Nullable [] open(
      AeadAlgorithm algorithm, byte[] key, byte[] nonce12, byte[] aad, byte[] ciphertextAndTag) {
    return REAL.open(algorithm, key, nonce12, aad, ciphertextAndTag);
  }
}
