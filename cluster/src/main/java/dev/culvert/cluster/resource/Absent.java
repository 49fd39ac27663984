// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The values of fields that an object lacks. */
final class Absent {
  private Absent() {}

  static String text(@Nullable String value) {
    return value == null ? "" : value;
  }

  static <T> List<T> list(@Nullable List<T> value) {
    return value == null ? List.of() : List.copyOf(value);
  }

  static <V> Map<String, V> map(@Nullable Map<String, V> value) {
    return value == null ? Map.of() : Map.copyOf(value);
  }
}
