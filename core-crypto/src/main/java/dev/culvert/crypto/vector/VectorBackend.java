// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto.vector;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.TrainBackend;
import java.nio.ByteOrder;
import jdk.incubator.vector.IntVector;

/**
 * ChaCha20-Poly1305 over whole trains in vectors of 512 bits.
 *
 * <p>Needs the module {@code jdk.incubator.vector}: other classes must not mention this class by
 * name, only load it by reflection if the module is present.
 */
public final class VectorBackend extends TrainBackend {
  /**
   * @param oneByOne seals and opens single messages, and packets that are faster one by one
   * @throws UnsupportedOperationException if this processor has no such vectors
   */
  public VectorBackend(AeadBackend oneByOne) {
    super(
        "vector",
        AeadAlgorithm.CHACHA20_POLY1305,
        () -> new VectorTrainCipher(oneByOne.newTrainCipher(AeadAlgorithm.CHACHA20_POLY1305)),
        oneByOne);
    if (IntVector.SPECIES_PREFERRED.vectorBitSize() < ChaCha20.ROW.vectorBitSize()
        || ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      throw new UnsupportedOperationException("this processor has no vectors of 512 bits");
    }
  }
}
