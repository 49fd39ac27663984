// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.Blake2s;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Identifies a key without revealing it: 128 bits of a hash over algorithm, key and salt. Counter
 * and replay window belong to the key, not to an SA, so that a key that returns continues.
 */
public record SaKeyId(long high, long low) {
  static SaKeyId of(AeadAlgorithm algorithm, SecretBytes key, int salt) {
    byte[] secret = key.toByteArray();
    byte[] input =
        ByteBuffer.allocate(Integer.BYTES + Integer.BYTES + secret.length)
            .putInt(code(algorithm))
            .putInt(salt)
            .put(secret)
            .array();
    try {
      ByteBuffer hash = ByteBuffer.wrap(Blake2s.hash(input));
      return new SaKeyId(hash.getLong(), hash.getLong());
    } finally {
      Arrays.fill(secret, (byte) 0);
      Arrays.fill(input, (byte) 0);
    }
  }

  /** The same in all versions, since the ids are in the state that another process continues. */
  private static int code(AeadAlgorithm algorithm) {
    return switch (algorithm) {
      case CHACHA20_POLY1305 -> 0;
      case AES_GCM -> 1;
    };
  }

  public void save(StateWriter out) {
    out.int64(high).int64(low);
  }

  public static SaKeyId read(StateReader in) throws StateException {
    return new SaKeyId(in.int64(), in.int64());
  }

  /** A short form that tells keys apart in a log, too short for looking up the key. */
  @Override
  public String toString() {
    return "key " + Long.toHexString(high >>> 48);
  }
}
