// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.Place;
import dev.culvert.tunnel.state.PrivateFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;

/** Reads files that hold secrets; refuses a file that users other than its owner can read. */
public final class KeyFile {
  public static final int KEY_LENGTH = 32;
  private static final int MAX_KEY_FILE = 256;

  private KeyFile() {}

  /** Reads the key in {@code source}. The caller closes it. */
  public static SecretBytes read(KeySource source) throws ConfigException {
    return switch (source) {
      case KeySource.Inline(SecretBytes key) -> key.copy();
      case KeySource.InFile(Path path, Place place) -> {
        byte[] text = readSecretFile(place, path, MAX_KEY_FILE);
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

  /** Reads a whole file of at most {@code maxBytes}. The caller wipes the result. */
  static byte[] readSecretFile(Place place, Path path, int maxBytes) throws ConfigException {
    try {
      return PrivateFile.read(path, maxBytes);
    } catch (PrivateFile.RefusedException e) {
      throw place.error(path + ": " + e.reason());
    } catch (NoSuchFileException e) {
      throw place.error("file " + path + " does not exist");
    } catch (IOException e) {
      throw place.error("cannot read " + path + ": " + e.getMessage());
    }
  }

  static byte[] readBounded(Place place, Path path, int maxBytes)
      throws IOException, ConfigException {
    try (var in = Files.newInputStream(path)) {
      byte[] bytes = in.readNBytes(maxBytes + 1);
      if (bytes.length > maxBytes) {
        throw place.error(path + " is larger than " + maxBytes + " bytes");
      }
      return bytes;
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
