// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.net;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;
import java.util.concurrent.atomic.LongAdder;

/** A text that packets are searched for, and how often it was seen. */
final class Marker {
  private final byte[] bytes;
  private final LongAdder seen = new LongAdder();

  /**
   * @param text at least one character
   */
  Marker(String text) {
    this.bytes = text.getBytes(UTF_8);
  }

  /** Counts the marker's places in a packet, without overlap. */
  void searchIn(byte[] packet) {
    byte first = bytes[0];
    int last = packet.length - bytes.length;
    for (int i = 0; i <= last; i++) {
      if (packet[i] == first
          && Arrays.equals(packet, i, i + bytes.length, bytes, 0, bytes.length)) {
        seen.increment();
        i += bytes.length - 1;
      }
    }
  }

  long seen() {
    return seen.sum();
  }
}
