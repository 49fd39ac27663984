// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.Place;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;

/** A secret key of 32 bytes in base64, as wg(8) writes it. */
public final class Base64Key {
  public static final int KEY_LENGTH = 32;
  private static final int MAX_KEY_FILE = 256;

  private Base64Key() {}

  /** Reads the key in {@code source}. The caller closes it. */
  public static SecretBytes read(KeySource source) throws ConfigException {
    return switch (source) {
      case KeySource.Inline(SecretBytes key) -> key.copy();
      case KeySource.InFile(Path path, Place place) -> {
        byte[] text = BoundedFile.readSecret(place, path, MAX_KEY_FILE);
        try {
          yield decode(place, strip(text));
        } finally {
          Arrays.fill(text, (byte) 0);
        }
      }
    };
  }

  /**
   * Reads a key that does not come from a file, and wipes {@code text}.
   *
   * @param from for errors, as in {@code standard input}
   * @return a key of 32 bytes that the caller closes
   */
  public static SecretBytes read(String from, byte[] text) throws ConfigException {
    try {
      return decode(new Place(from, 0, ""), strip(text));
    } finally {
      Arrays.fill(text, (byte) 0);
    }
  }

  private static byte[] strip(byte[] text) {
    int end = text.length;
    while (end > 0 && text[end - 1] <= ' ') {
      end--;
    }
    return Arrays.copyOf(text, end);
  }

  /** Decodes base64 and wipes {@code base64}. */
  static SecretBytes decode(Place place, byte[] base64) throws ConfigException {
    try {
      byte[] key = Base64.getDecoder().decode(base64);
      if (base64.length == 44 && key.length == KEY_LENGTH) {
        return SecretBytes.owning(key);
      }
      Arrays.fill(key, (byte) 0);
    } catch (IllegalArgumentException e) {
      throw place.error("not a base64 key of 44 characters"); // the cause would quote the key
    } finally {
      Arrays.fill(base64, (byte) 0);
    }
    throw place.error("not a base64 key of 44 characters");
  }
}
