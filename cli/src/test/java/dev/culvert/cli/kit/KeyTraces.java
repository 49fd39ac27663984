// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Looks for secret keys in bytes: as they are, in base64 and in hexadecimal digits, and their first
 * eight bytes in each of these forms.
 */
public final class KeyTraces {
  private static final int HEAD = 8;

  private final Map<String, String> traces = new LinkedHashMap<>();

  /**
   * @param keys in base64, by a name for messages
   */
  public KeyTraces(Map<String, String> keys) {
    keys.forEach((name, key) -> add(name, Base64.getDecoder().decode(key)));
  }

  private void add(String name, byte[] key) {
    byte[] head = Arrays.copyOf(key, HEAD);
    String base64 = Base64.getEncoder().encodeToString(key);
    traces.put(name + " in base64", base64);
    traces.put(name + " in hex", HexFormat.of().formatHex(key));
    traces.put(name + ", first 8 bytes", new String(head, ISO_8859_1));
    // Ten characters hold the first 60 of 64 bits; the eleventh depends on the ninth byte too.
    traces.put(name + ", first 8 bytes in base64", base64.substring(0, 10));
    traces.put(name + ", first 8 bytes in hex", HexFormat.of().formatHex(head));
  }

  /** The forms in which a key is there; none is good. */
  public List<String> in(byte[] bytes) {
    String text = new String(bytes, ISO_8859_1);
    String lower = text.toLowerCase(Locale.ROOT);
    return traces.entrySet().stream()
        .filter(
            trace ->
                text.contains(trace.getValue())
                    || (trace.getKey().endsWith("hex") && lower.contains(trace.getValue())))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Texts that each hold one of the forms, to see that it is found. */
  public List<String> samples() {
    return traces.values().stream().map(trace -> "before " + trace + " after").toList();
  }
}
