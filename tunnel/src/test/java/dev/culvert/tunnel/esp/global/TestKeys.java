// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.esp.global;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;

/** Global keys that differ by id, the same in every run. */
public final class TestKeys {
  private TestKeys() {}

  static String line(int id) {
    return line(id, id, 20);
  }

  static String line(int id, int seed, int bytes) {
    byte[] key = new byte[bytes];
    new Random(seed).nextBytes(key);
    return id + " rfc4106(gcm(aes)) " + HexFormat.of().formatHex(key) + " 128\n";
  }

  /** A file with these ids, the last one published. */
  public static KeyFile file(int... ids) {
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append(line(id));
    }
    return parse(text.toString());
  }

  static KeyFile parse(String text) {
    try {
      return KeyFile.parse("keys", text.getBytes(StandardCharsets.US_ASCII));
    } catch (KeyFileException e) {
      throw new AssertionError(e);
    }
  }
}
