// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A backend for trains of one algorithm, which is fast only once the JVM has compiled it. Another
 * backend seals and opens single messages for it.
 */
public abstract class TrainBackend implements AeadBackend {
  private final String name;
  private final AeadAlgorithm algorithm;
  private final Supplier<TrainCipher> trainCiphers;
  private final AeadBackend oneShot;

  /**
   * @param trainCiphers a new cipher with each call
   * @param oneShot seals and opens single messages
   */
  protected TrainBackend(
      String name,
      AeadAlgorithm algorithm,
      Supplier<TrainCipher> trainCiphers,
      AeadBackend oneShot) {
    this.name = name;
    this.algorithm = algorithm;
    this.trainCiphers = trainCiphers;
    this.oneShot = oneShot;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public boolean supports(AeadAlgorithm other) {
    return other == algorithm;
  }

  @Override
  public boolean startsSlowly() {
    return true;
  }

  @Override
  public TrainCipher newTrainCipher(AeadAlgorithm wanted) {
    if (!supports(wanted)) {
      throw new IllegalArgumentException(name + " has no " + wanted);
    }
    return trainCiphers.get();
  }

  @Override
  public byte[] seal(
      AeadAlgorithm wanted, byte[] key, byte[] nonce12, byte[] aad, byte[] plaintext) {
    return oneShot.seal(wanted, key, nonce12, aad, plaintext);
  }

  @Override
  public byte @Nullable [] open(
      AeadAlgorithm wanted, byte[] key, byte[] nonce12, byte[] aad, byte[] ciphertextAndTag) {
    return oneShot.open(wanted, key, nonce12, aad, ciphertextAndTag);
  }
}
