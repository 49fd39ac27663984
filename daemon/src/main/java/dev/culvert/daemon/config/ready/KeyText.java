package dev.culvert.daemon.config.ready;

import dev.culvert.crypto.SecretBytes;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.Place;
import dev.culvert.daemon.config.read.KeyFile;
import java.util.Arrays;

/** Reads a key that came as text from elsewhere than a file. */
public final class KeyText {
  private KeyText() {}

  /**
   * Decodes base64, with or without an end of line, and wipes {@code text}.
   *
   * @param from for errors, as in {@code standard input}
   * @return a key of 32 bytes that the caller closes
   */
  public static SecretBytes parse(String from, byte[] text) throws ConfigException {
    try {
      return KeyFile.decode(new Place(from, 0, ""), KeyFile.strip(text));
    } finally {
      Arrays.fill(text, (byte) 0);
    }
  }
}
