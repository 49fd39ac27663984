// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.manual;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.Blake2s;
import dev.culvert.crypto.SecretBytes;
import dev.culvert.tunnel.esp.SaParameters;
import dev.culvert.tunnel.esp.global.GlobalKey;
import dev.culvert.tunnel.esp.global.KeyFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * A configured key for one direction to or from a foreign peer.
 *
 * @param peer the peer's name
 * @param spi 256 or more, or another value except 0 if the peer requires it
 * @param key AES key of 16 or 32 bytes
 * @param salt the first four bytes of every nonce
 * @param esn whether both ends use 64-bit sequence numbers
 */
public record ManualSa(String peer, int spi, SecretBytes key, int salt, boolean esn) {
  public ManualSa {
    if (spi == 0 || !AeadAlgorithm.AES_GCM.acceptsKeyLength(key.length()) || key.isZero()) {
      throw new IllegalArgumentException(
          "a manual SA needs an SPI and an AES key of 16 or 32 bytes that are not all zero");
    }
  }

  /**
   * The SA with the key of {@code file}, which must have exactly one; the key's id is ignored.
   *
   * @param file the caller closes it
   * @throws IllegalArgumentException if the file has several keys
   */
  public static ManualSa of(String peer, int spi, KeyFile file, boolean esn) {
    if (file.keys().size() != 1) {
      throw new IllegalArgumentException("a manual SA has one key, the file has more");
    }
    GlobalKey line = file.published();
    byte[] material = line.material().toByteArray();
    try {
      return new ManualSa(
          peer,
          spi,
          SecretBytes.owning(Arrays.copyOf(material, line.aesKeyLength())),
          ByteBuffer.wrap(material).getInt(line.aesKeyLength()),
          esn);
    } finally {
      Arrays.fill(material, (byte) 0);
    }
  }

  /** The first number that is never used. With 64 bits, half of the space is more than enough. */
  long end() {
    return esn ? Long.MAX_VALUE : SaParameters.LIMIT_32;
  }

  /**
   * Identifies the key and salt without revealing them, as 32 hexadecimal digits. Sequence numbers
   * are counted per key and salt, independent of SPI and peer.
   */
  public String fingerprint() {
    byte[] label = "culvert manual sa".getBytes(StandardCharsets.US_ASCII);
    byte[] secret = key.toByteArray();
    byte[] input =
        ByteBuffer.allocate(label.length + Integer.BYTES + secret.length)
            .put(label)
            .putInt(salt)
            .put(secret)
            .array();
    try {
      return HexFormat.of().formatHex(Blake2s.hash(input), 0, 16);
    } finally {
      Arrays.fill(secret, (byte) 0);
      Arrays.fill(input, (byte) 0);
    }
  }

  @Override
  public String toString() {
    return "manual SA %08x with %s".formatted(spi, peer);
  }
}
