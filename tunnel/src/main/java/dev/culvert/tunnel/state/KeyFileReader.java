// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.state;

import dev.culvert.tunnel.esp.global.KeyFile;
import dev.culvert.tunnel.esp.global.KeyFileException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/** Reads the ESP engine's key file from disk. */
public final class KeyFileReader {
  /** The largest accepted file; fifteen keys take less than 2 KiB. */
  static final int MAX_BYTES = 16_384;

  private KeyFileReader() {}

  /**
   * Reads and parses {@code path}; a symbolic link is followed, as a mounted secret is one.
   *
   * @throws KeyFileException if other users may read the file, or its contents are refused
   * @throws IOException if it cannot be read
   */
  public static KeyFile read(Path path) throws IOException, KeyFileException {
    String name = path.toString();
    byte[] text = {};
    try {
      text = PrivateFile.read(path, MAX_BYTES);
      return KeyFile.parse(name, text);
    } catch (PrivateFile.RefusedException e) {
      throw new KeyFileException(name, 0, "", e.reason());
    } finally {
      Arrays.fill(text, (byte) 0);
    }
  }
}
