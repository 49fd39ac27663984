// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.page;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The question in the address of the page.
 *
 * @param peer a part of the peers' names, endpoints or ranges to show; empty: all
 * @param sort the order of the peers
 * @param from source address of the packet that is asked about; empty: none is
 * @param to its destination address
 * @param protocol {@code tcp}, {@code udp}, {@code icmp}, {@code icmpv6}, a number, or empty
 * @param port its destination port, or empty
 */
record PageQuery(String peer, Sort sort, String from, String to, String protocol, String port) {
  private static final int MAX_LENGTH = 100;

  /** The order of the peers. */
  enum Sort {
    STATE,
    NAME,
    RATE,
    HANDSHAKE;

    String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Parses the part of an address after the question mark. Unknown names are left out.
   *
   * @throws IllegalArgumentException if it is malformed, with the reason
   */
  static PageQuery parse(@Nullable String raw) {
    Map<String, String> values = new HashMap<>();
    for (String pair : raw == null ? new String[0] : raw.split("&", -1)) {
      int equals = pair.indexOf('=');
      if (equals > 0) {
        String value =
            URLDecoder.decode(pair.substring(equals + 1), StandardCharsets.UTF_8).strip();
        if (value.length() > MAX_LENGTH) {
          throw new IllegalArgumentException("longer than " + MAX_LENGTH + " characters");
        }
        values.put(pair.substring(0, equals), value);
      }
    }
    return new PageQuery(
        values.getOrDefault("peer", ""),
        sort(values.getOrDefault("sort", "")),
        values.getOrDefault("from", ""),
        values.getOrDefault("to", ""),
        values.getOrDefault("protocol", ""),
        values.getOrDefault("port", ""));
  }

  private static Sort sort(String label) {
    for (Sort sort : Sort.values()) {
      if (sort.label().equals(label)) {
        return sort;
      }
    }
    return Sort.STATE;
  }

  boolean asks() {
    return !from.isEmpty() || !to.isEmpty();
  }

  /** The question in the words of {@code culvert routes --explain}. */
  List<String> ends() {
    String destination =
        port.isEmpty() ? to : (to.contains(":") ? "[" + to + "]" : to) + ":" + port;
    return List.of(from, protocol.isEmpty() ? destination : destination + "/" + protocol);
  }
}
