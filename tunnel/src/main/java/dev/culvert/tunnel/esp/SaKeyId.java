package dev.culvert.tunnel.esp;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.Blake2s;
import dev.culvert.crypto.SecretBytes;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Which key it is, without saying what it is: 128 bits of a hash over algorithm, key and salt.
 * Counter and replay window belong to this, not to an SA, so that a key met again continues.
 */
public record SaKeyId(long high, long low) {
  static SaKeyId of(AeadAlgorithm algorithm, SecretBytes key, int salt) {
    byte[] secret = key.toByteArray();
    byte[] input =
        ByteBuffer.allocate(Integer.BYTES + Integer.BYTES + secret.length)
            .putInt(algorithm.ordinal())
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

  /** Says nothing that could be looked up: only enough to tell keys apart in a log. */
  @Override
  public String toString() {
    return "key " + Long.toHexString(high >>> 48);
  }
}
